"use strict";
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const status = $("#status");
  const runId = document.body.dataset.run;
  const PAGE = 50;
  const [FOLDED, UNFOLDED] = document.body.dataset.fold.split(" ").map(Number); // characters of a text

  // A presigned link opens this object alone: there other objects are named by their keys, or not at all.
  const signed = new URLSearchParams(location.search).has("X-Amz-Signature");
  if (signed) {
    for (const link of document.querySelectorAll("a.run-page")) link.replaceWith(`${link.textContent} (runs/${link.textContent}/digest.html)`);
    for (const link of document.querySelectorAll("a.stored")) link.remove();
  }

  // --- The sites: in the page as JSON, or packed -------------------------------------------------------------
  let loaded = null;
  const sites = () => (loaded ??= load());
  async function load() {
    const plain = $("#sites-json");
    if (plain) return JSON.parse(plain.textContent);
    const packed = $("#sites-packed");
    if (!packed) return [];
    const bytes = Uint8Array.from(atob(packed.textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  // --- What leaves the page: the model's text stays text, becomes no link, mentions no user and computes nothing ---
  const [links, breaks, markup, formulas] = JSON.parse(document.body.dataset.patterns).map((each) => new RegExp(each, "gu")); // reporter/export.py
  const oneLine = (text) => text.replace(breaks, " ").replace(links, " ");
  const inert = (text) => oneLine(text).replace(markup, "\\$&");
  const cell = (text) => oneLine(text).replace(formulas, "'");
  const questions = JSON.parse(document.body.dataset.questions); // "" is the run's own
  const about = (site) => questions[site.question ?? ""];
  const textOf = (value) => (Array.isArray(value) ? value.map(textOf).join(", ") : typeof value === "string" ? value : value == null ? "" : JSON.stringify(value));
  // The fields below an entry's heading: the first one as it is, the others with their names.
  const details = (entry, { details, text }) =>
    details.filter((field) => field in entry).map((field) => ({ field: field === text ? "" : field, text: textOf(entry[field]) }));
  const line = (question) => (entry) =>
    `* **${inert(textOf(entry[question.heading]))}**: ${details(entry, question).map(({ field, text }) => (field ? `${inert(field)}: ` : "") + inert(text)).join(" ")}`;
  const markdownOf = (site) => [`## ${site.id} (${site.domain})`, "", ...site.entries.map(line(about(site))), ""].join("\n");
  async function markdown() {
    const accepted = (await sites()).filter((site) => site.entries?.length);
    return [`# ${questions[""].nouns[0].toUpperCase()}${questions[""].nouns.slice(1)}, ${runId}`, "", ...accepted.map(markdownOf)].join("\n");
  }

  // --- Copying ----------------------------------------------------------------------------------------------------
  async function copy(text, what, button) {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "unseen";
      area.setAttribute("aria-hidden", "true");
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
      button.focus();
    }
    status.textContent = "";
    status.textContent = done ? `Copied ${what}.` : "The browser does not allow copying. Select the text instead.";
    if (done) {
      button.dataset.done = "";
      setTimeout(() => delete button.dataset.done, 1600);
    }
  }

  function download(text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/markdown" }));
    link.download = `${runId}.md`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    status.textContent = `Saved ${runId}.md.`;
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-do]");
    if (!button) return;
    const site = button.closest("[data-site]");
    switch (button.dataset.do) {
      case "copy-all":
        return copy(await markdown(), `all ${questions[""].nouns} as Markdown`, button);
      case "save-all":
        return download(await markdown());
      case "copy-site": {
        const entry = (await sites()).find(({ id }) => id === site.dataset.site);
        return copy(markdownOf(entry), `the ${about(entry).nouns} of ${entry.id}`, button);
      }
      case "copy-one": {
        const item = button.closest("li");
        const of = (await sites()).find(({ id }) => id === site.dataset.site);
        const entry = of.entries[[...item.parentElement.children].indexOf(item)];
        const texts = [textOf(entry[about(of).heading]), ...details(entry, about(of)).map(({ text }) => text)];
        return copy(texts.map(cell).join("\n"), `one ${about(of).noun}`, button);
      }
      case "copy-text":
        return copy($("code", button.parentElement).textContent, "the command", button);
      case "more":
        return more();
    }
  });

  // --- Searching and showing more -----------------------------------------------------------------------------------
  const list = $("#site-list");
  const search = $("#search");
  const moreButton = $("#more");
  const count = $("#found");
  if (!list) return;
  const asRendered = [...list.children];
  let matching = null; // null: all accepted sites
  let shown = asRendered.length;

  const made = (name, properties) => Object.assign(document.createElement(name), properties);
  function detail({ field, text }) {
    const characters = [...text]; // an emoji is one
    if (!field && characters.length > FOLDED) {
      const folded = made("details", { className: "detail", dir: "auto" });
      folded.append(made("summary", { textContent: `${characters.slice(0, UNFOLDED).join("")}…` }), text);
      return folded;
    }
    const whole = made("span", { className: "detail", dir: "auto" });
    whole.append(...(field ? [made("b", { textContent: field }), " "] : []), text);
    return whole;
  }

  function element(entry) {
    const node = $("#site-template").content.cloneNode(true);
    const { id, domain, entries, rounds, error, message, repeated = [] } = entry;
    const question = about(entry);
    const article = $("article", node);
    article.dataset.site = id;
    $(".name", node).textContent = id;
    $(".domain", node).textContent = domain;
    const earlier = $("a.stored", node);
    earlier.href = `../../sites/${id}/${question.name}/memory.json`;
    if (signed || !entries) earlier.remove();
    const itemList = $("ul", node);
    if (!entries) {
      article.classList.add("is-missed");
      $(".note", node).textContent = `missed: ${error}`;
      $("button", node).remove();
      itemList.replaceWith(Object.assign(document.createElement("p"), { className: "message", textContent: message }));
      return node;
    }
    $(".note", node).textContent = rounds > 1 ? "second answer" : "";
    if (!entries.length) {
      $("button", node).remove();
      const text = `Not on this page: runs/${runId}/results/${id}.json`;
      itemList.replaceWith(Object.assign(document.createElement("p"), { className: "message", textContent: text }));
      return node;
    }
    for (const each of entries) {
      const item = $("#entry-template").content.cloneNode(true);
      const heading = textOf(each[question.heading]);
      $(".title", item).textContent = heading;
      if (repeated.includes(heading)) $(".title", item).after(" ", made("span", { className: "note", textContent: "suggested before" }));
      $("button", item).setAttribute("aria-label", `Copy: ${heading}`);
      $("li", item).append(...details(each, question).map(detail));
      itemList.append(item);
    }
    return node;
  }

  const found = (all) => matching ?? all.filter((site) => site.entries);

  async function more() {
    const all = found(await sites());
    const first = list.children.length;
    list.append(...all.slice(shown, shown + PAGE).map(element));
    shown = Math.min(shown + PAGE, all.length);
    showCount(all.length);
    $("h3", list.children[first])?.focus();
  }

  function showCount(total) {
    moreButton.hidden = shown >= total;
    const all = total.toLocaleString("en");
    if (matching === null) count.textContent = shown < total ? `${shown} of ${all} sites are shown; search finds all.` : "";
    else count.textContent = `${all} ${total === 1 ? "site matches" : "sites match"}${shown < total ? `, ${shown} shown` : ""}.`;
  }

  const words = (value) => (Object(value) === value ? Object.values(value).map(words).join(" ") : (value ?? ""));

  async function find() {
    const all = await sites();
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    matching = !wanted.length ? null : all.filter((site) => {
      const text = (site.haystack ??= words(site).toLowerCase());
      return wanted.every((word) => text.includes(word));
    });
    const first = matching?.slice(0, PAGE).map(element) ?? asRendered;
    shown = first.length;
    list.replaceChildren(...first);
    showCount(found(all).length);
  }

  let waiting;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(find, 120);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(input|textarea)$/i.test(document.activeElement.tagName)) {
      event.preventDefault();
      search.focus();
    }
    if (event.key === "Escape" && document.activeElement === search) {
      search.value = "";
      find();
    }
  });
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((each) => (each.open = true)));
})();
