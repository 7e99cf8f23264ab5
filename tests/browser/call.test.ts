/** The call page in a real browser, with its made-up camera: two people see each other. */
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from "vitest";
import { type Learner, PASSWORD, createRegion, signUp } from "../support/client.ts";
import { openGates } from "../e2e/groups.support.ts";

const { base } = inject("stack");
let browser: Browser;
let contexts: BrowserContext[] = [];
let region: string;

beforeAll(async () => {
  await openGates();
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
});
afterEach(async () => {
  await Promise.all(contexts.splice(0).map((context) => context.close()));
});
afterAll(() => browser?.close());

interface Visitor {
  learner: Learner;
  page: Page;
}

/** Somebody signed in on the page, in a browser profile of his own. */
async function visitor(polls: boolean): Promise<Visitor> {
  const learner = await signUp(region);
  const context = await browser.newContext();
  contexts.push(context);
  const page = await context.newPage();
  await page.goto(`${base}/demo/call`);
  await page.fill("#email", learner.email);
  await page.fill("#password", PASSWORD);
  await page.click("#sign-in button");
  await page.waitForSelector("#lobby:not([hidden])");
  if (polls) await page.check("#polling");
  return { learner, page };
}

const text = (page: Page, id: string, wanted: string) =>
  page.locator(id).filter({ hasText: wanted }).waitFor({ state: "attached" });

/** The other's picture moves. */
const sees = (page: Page) =>
  page.locator("#other").evaluate(
    (video: { currentTime: number }) =>
      new Promise<void>((resolve) => {
        const timer = setInterval(() => {
          if (video.currentTime < 0.3) return;
          clearInterval(timer);
          resolve();
        }, 20);
      }),
  );

async function call(firstPolls: boolean, secondPolls: boolean): Promise<[Visitor, Visitor]> {
  region = await createRegion();
  const first = await visitor(firstPolls);
  await first.page.click("#find");
  await text(first.page, "#transport", firstPolls ? "polling" : "socket");
  const second = await visitor(secondPolls);
  const began = performance.now();
  await second.page.click("#find");
  await Promise.all([sees(first.page), sees(second.page)]);
  console.log(`both see each other after ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return [first, second];
}

describe("two browsers", { timeout: 60_000 }, () => {
  test.for([
    ["over sockets", false, false],
    ["by polling", true, true],
    ["one by socket, one by polling", false, true],
  ] as const)("see each other %s, chat, and know of the end", async ([, firstPolls, secondPolls]) => {
    const [first, second] = await call(firstPolls, secondPolls);
    for (const { page } of [first, second]) {
      await text(page, "#status", "active");
      await text(page, "#state", "connected");
    }

    await second.page.fill("#text", "Can you see me?");
    await second.page.click("#say button");
    await text(first.page, "#lines", "Can you see me?");
    await text(second.page, "#lines", "Can you see me?");

    await first.page.click("#leave");
    await text(second.page, "#status", "completed");
    expect(await first.page.locator("#problem").textContent()).toBe("");
    expect(await second.page.locator("#problem").textContent()).toBe("");
  });
});

test("a wrong password is said on the page", async () => {
  const context = await browser.newContext();
  contexts.push(context);
  const page = await context.newPage();
  await page.goto(`${base}/demo/call`);
  await page.fill("#email", "nobody@example.com");
  await page.fill("#password", "wrong password");
  await page.click("#sign-in button");
  await page.locator("#problem").filter({ hasText: /\S/ }).waitFor();
  expect(await page.locator("#lobby").isVisible()).toBe(false);
});
