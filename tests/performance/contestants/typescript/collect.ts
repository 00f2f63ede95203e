// Promise.allSettled with p-limit, zod, and the official SDK with a timeout of its own.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import Anthropic from "@anthropic-ai/sdk";
import pLimit from "p-limit";
import { z } from "zod";

const Candidates = z.array(z.object({ title: z.string().min(1), angle: z.string().min(1) })).min(1);

interface Site {
  site_id: string;
  model: string;
  max_tokens: number;
  thinking: Anthropic.ThinkingConfigParam;
  system: string;
  user: string;
}

const [file, folder] = process.argv.slice(2);
const sites: Site[] = JSON.parse(await readFile(file, "utf8"));
const client = new Anthropic({ timeout: Number(process.env.REQUEST_TIMEOUT_S ?? 120) * 1000 });
const limit = pLimit(4);

async function collect(site: Site): Promise<void> {
  const message = await client.messages.create({
    model: site.model,
    max_tokens: site.max_tokens,
    thinking: site.thinking,
    system: site.system,
    messages: [{ role: "user", content: site.user }],
  });
  const text = message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
  const candidates = Candidates.parse(JSON.parse(text));
  await writeFile(join(folder, `${site.site_id}.json`), JSON.stringify(candidates));
}

const results = await Promise.allSettled(sites.map((site) => limit(() => collect(site))));
results.forEach((result, index) => {
  if (result.status === "rejected") {
    console.error(`${sites[index].site_id}: ${result.reason}`);
    process.exitCode = 1;
  }
});
