// What AWS's own language service says of a state machine: node states.cjs FILE. Ends with 1 if it says anything.
const { readFileSync } = require("node:fs")
const { getLanguageService, TextDocument } = require("amazon-states-language-service")

const [file] = process.argv.slice(2)
// The local engine reads 100.0 alone, this linter 100 alone, and AWS both.
const text = readFileSync(file, "utf8").replace('"ToleratedFailurePercentage": 100.0', '"ToleratedFailurePercentage": 100')
const document = TextDocument.create("file:///nightly.asl.json", "asl", 1, text)
const service = getLanguageService({})
service.doValidation(document, service.parseJSONDocument(document)).then((complaints) => {
  for (const { message, range } of complaints) console.log(`${file}:${range.start.line + 1}: ${message}`)
  process.exitCode = complaints.length ? 1 : 0
})
