// The page around the handset: keys, screen, SIM, and the posts the gateway would make.
// Only the number is kept (localStorage); what is typed lives in the input line and in the session.

import { Handset, HandsetError } from "./handset.js";
import { capacity, size } from "./septets.js";
import { Feed } from "./feed.js";

const GATEWAY_WAITS_MS = 15_000; // help.africastalking.com 1284071
const SHOW_WAITING_AFTER_MS = 150;
const NUMBER_KEY = "ussd-phone-number";

const $ = (id) => document.getElementById(id);
const feed = new Feed($("feed"), $("empty"), $("link"));
const handset = new Handset({ msisdn: keptNumber() });
let directory = { ussd: "/api/v1/ussd", ended: "/api/v1/ussd/events", services: [] };
let turn = 0; // counts posts; an answer to an older one is dropped
let lastAnswer = null; // to tell whether a repeated turn got the same answer

start();

async function start() {
  $("number").value = handset.msisdn;
  feed.watch(handset.msisdn);
  listen();
  tick();
  render();
  try {
    const answer = await fetch("/phone/services");
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    directory = await answer.json();
  } catch (error) {
    say(`The list of codes did not load (${error.message}). Dial one by hand.`);
  }
  handset.serviceCodes = directory.services.map((service) => service.code);
  if (!$("entry").value && directory.services.length) $("entry").value = directory.services[0].code;
  renderCodes();
}

function listen() {
  $("line").addEventListener("submit", (event) => {
    event.preventDefault();
    press();
  });
  $("call").addEventListener("click", press);
  $("end").addEventListener("click", end);
  $("clear").addEventListener("click", erase);
  $("retry").addEventListener("click", () => attempt(() => post(handset.retry(), true)));
  $("redial").addEventListener("click", () => attempt(() => begin(handset.dialled)));
  // A finger on a key leaves the caret where it is.
  for (const name of ["keypad", "clear"]) $(name).addEventListener("mousedown", (event) => event.preventDefault());
  $("keypad").addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]");
    if (key) type(key.dataset.key);
  });
  $("number").addEventListener("change", () => changeNumber($("number").value));
  $("new-number").addEventListener("click", () => changeNumber(randomNumber()));
  $("network").addEventListener("change", () => {
    leave();
    handset.network = $("network").value;
    render();
  });
  $("clear-events").addEventListener("click", () => feed.clear());
  document.addEventListener("keydown", keyboard);
  window.addEventListener("pagehide", () => {
    const form = handset.inSession ? handset.hangUp(new Date()) : null;
    if (form) navigator.sendBeacon(directory.ended, new URLSearchParams(form));
  });
}

// ---- what the keys do

/** The green key: dial, send, or dial again. */
function press() {
  const typed = $("entry").value;
  attempt(() => {
    if (handset.state === "sending") return;
    if (handset.state === "asked") {
      if (!typed) throw new HandsetError("Type a reply first.");
      const form = handset.answer(typed);
      $("entry").value = "";
      post(form);
    } else {
      begin(typed || handset.dialled);
    }
  });
}

function begin(code) {
  leave();
  const form = handset.dial(code, new Date());
  $("entry").value = "";
  lastAnswer = null;
  post(form);
}

/** The red key: leave the session, or empty the line. */
function end() {
  const was = handset.state;
  leave();
  if (was === "idle") handset.screen = null;
  $("entry").value = was === "idle" ? "" : handset.dialled;
  say(was === "asked" || was === "sending" ? "You hung up. Dialling again within the menu's time resumes." : "");
  render();
}

/** Tell the server that the session is over, as the gateway does. */
function leave() {
  turn += 1;
  const form = handset.hangUp(new Date());
  if (form) fetch(directory.ended, { method: "POST", body: new URLSearchParams(form), keepalive: true }).catch(() => {});
}

async function post(form, again = false) {
  const mine = ++turn;
  say("");
  const waiting = setTimeout(() => mine === turn && render(), SHOW_WAITING_AFTER_MS);
  const began = performance.now();
  const { status, body, problem } = await exchange(form);
  clearTimeout(waiting);
  if (mine !== turn) return;
  if (problem) handset.fail(problem);
  else handset.receive(status, body);
  const took = `${(performance.now() - began).toFixed(1)} ms`;
  const same = body === lastAnswer;
  if (!again || lastAnswer === null) say(handset.screen.problem || `Answered in ${took}.`);
  else say(same ? `The same answer, as it must be (${took}).` : "This answer differs from the first one.", same);
  lastAnswer = body;
  render();
  if (matchMedia("(hover: hover)").matches) $("entry").focus();
}

async function exchange(form) {
  try {
    const answer = await fetch(directory.ussd, {
      method: "POST",
      body: new URLSearchParams(form),
      signal: AbortSignal.timeout(GATEWAY_WAITS_MS),
    });
    return { status: answer.status, body: await answer.text(), problem: "" };
  } catch (error) {
    const late = error.name === "TimeoutError";
    return { status: 0, body: null, problem: late ? "no answer within the gateway's 15 seconds" : "the server can't be reached" };
  }
}

function attempt(action) {
  try {
    action();
  } catch (error) {
    if (!(error instanceof HandsetError)) throw error;
    say(error.message, false);
  }
}

// ---- typing

/** Where on the line something is typed: at the caret, or at the end while the line has none. */
function selection(entry) {
  if (document.activeElement === entry) return [entry.selectionStart, entry.selectionEnd];
  return [entry.value.length, entry.value.length];
}

function type(character) {
  const entry = $("entry");
  if (entry.readOnly) return;
  entry.setRangeText(character, ...selection(entry), "end");
}

function erase() {
  const entry = $("entry");
  if (entry.readOnly) return;
  const [from, to] = selection(entry);
  entry.setRangeText("", from === to ? Math.max(0, from - 1) : from, to, "end");
}

/** Keys of a keyboard work wherever the focus is, except in the SIM's own fields. */
function keyboard(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not(#entry), select")) return;
  flash(event.key);
  if (event.key === "Escape") return end();
  if (event.target === $("entry")) return;
  if (event.key === "Backspace") return erase();
  if (event.key === "Enter" && !event.target.closest("button")) return press();
  if (event.key.length === 1 && !(event.key === " " && event.target.closest("button, .message, .feed"))) {
    type(event.key);
    event.preventDefault();
  }
}

function flash(name) {
  const key = name === "Enter" ? $("call") : name === "Escape" ? $("end") : name === "Backspace" ? $("clear")
    : [...$("keypad").children].find((button) => button.dataset.key === name);
  key?.classList.add("down");
  setTimeout(() => key?.classList.remove("down"), 120);
}

// ---- the SIM

function keptNumber() {
  const kept = localStorage.getItem(NUMBER_KEY);
  if (kept) return kept;
  const number = randomNumber();
  localStorage.setItem(NUMBER_KEY, number);
  return number;
}

/** A random Safaricom number (07 10-19 are theirs). */
function randomNumber() {
  const digits = Array.from(crypto.getRandomValues(new Uint8Array(7)), (byte) => byte % 10);
  return `+25471${digits.join("")}`;
}

function changeNumber(typed) {
  const digits = typed.replace(/[^\d]/g, "");
  const number = typed.trim().startsWith("+") ? `+${digits}` : `+${digits.replace(/^0(?=\d{9}$)/, "254")}`;
  const valid = /^\+\d{7,15}$/.test(number);
  $("number").setAttribute("aria-invalid", String(!valid));
  $("number-help").textContent = valid ? "Kept in this browser." : "Write it as +254712345678.";
  if (!valid || number === handset.msisdn) return;
  leave();
  handset.msisdn = number;
  handset.screen = null;
  $("number").value = number;
  $("entry").value = handset.dialled || directory.services[0]?.code || "";
  localStorage.setItem(NUMBER_KEY, number);
  feed.watch(number);
  say("");
  render();
}

// ---- what is seen

function render() {
  const { state, screen } = handset;
  const asked = state === "asked";
  $("handset").dataset.state = state;
  $("screen").textContent = shown(state, screen);
  $("screen").setAttribute("aria-busy", String(state === "sending"));
  $("screen").scrollTop = 0;
  $("entry").readOnly = state === "sending";
  $("entry").inputMode = asked ? "text" : "tel";
  $("entry").placeholder = asked ? "Reply" : handset.dialled || "Code";
  $("entry-label").textContent = asked ? "Reply" : "Code to dial";
  $("call-name").textContent = asked ? "Send" : "Call";
  $("soft-left").textContent = asked ? "Send" : "Call";
  $("soft-right").textContent = handset.inSession ? "Hang up" : "";
  $("carrier").textContent = $("network").selectedOptions[0].textContent;
  $("retry").disabled = !handset.canRetry;
  $("redial").disabled = !handset.dialled || state === "sending";
  renderFill(screen, state);
}

function shown(state, screen) {
  if (state === "sending") return "USSD code running ...";
  if (state === "idle") return screen ? "Call ended" : "Dial a code, then press Call.";
  return screen.text;
}

function renderFill(screen, state) {
  const empty = !screen || !["asked", "ended"].includes(state);
  $("fill").dataset.empty = String(empty);
  if (empty) return;
  const { units, gsm } = size(screen.text);
  const septets = directory.services.find(({ code }) => code === handset.serviceCode)?.screen ?? 160;
  const room = capacity(septets, gsm);
  $("gauge").style.width = `${Math.min(100, (100 * units) / room)}%`;
  $("fill").dataset.over = String(units > room);
  $("fill-text").textContent = `${units} of ${room} ${gsm ? "septets" : "UCS-2 units"}${screen.more ? "" : ", session ended"}`;
}

function renderCodes() {
  $("codes").replaceChildren(
    ...directory.services.map(({ code, service }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "code";
      const name = document.createElement("span");
      name.textContent = service;
      button.append(code, name);
      button.addEventListener("click", () => attempt(() => begin(code)));
      return button;
    }),
  );
}

function say(text, good = true) {
  $("note").textContent = text;
  $("note").classList.toggle("bad", !good || handset.state === "failed");
}

function tick() {
  const now = new Date();
  $("clock").textContent = now.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  setTimeout(tick, 60_000 - (now % 60_000));
}
