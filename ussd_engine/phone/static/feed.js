// The session's events, newest first, from /phone/events. The server masks what is secret.

import { size } from "./septets.js";

const KEPT = 200;
const FILE_LINE = /^ *\d* \| /; // "   12 | text" and "      |   ^"

export class Feed {
  constructor(list, empty, link) {
    this.list = list;
    this.empty = empty;
    this.link = link;
    this.source = null;
    this.running = null;
  }

  /** Show the events of this number from now on, beginning with those the server still has. */
  watch(msisdn) {
    this.source?.close();
    this.clear();
    this.#connected("waiting", "connecting");
    this.source = new EventSource(`/phone/events?msisdn=${encodeURIComponent(msisdn)}`);
    this.source.onopen = () => this.#connected("live", "live");
    this.source.onerror = () => this.#connected("lost", "reconnecting");
    this.source.onmessage = (message) => this.#add(JSON.parse(message.data));
  }

  clear() {
    this.list.replaceChildren();
    this.empty.hidden = false;
  }

  #connected(state, text) {
    this.link.dataset.link = state;
    this.link.textContent = text;
  }

  #add(event) {
    const item = element("li", `event ${event.kind}`);
    const time = element("time", "", new Date(event.at).toLocaleTimeString("en-GB"));
    time.dateTime = event.at;
    const body = element("div", "body");
    item.append(time, body);
    if (event.kind === "action") this.#addAction(item, body, event.fields);
    else (DRAW[event.kind] ?? drawOther)(body, event.fields, item, event.kind);
    if (event.kind === "turn") this.#adoptActions(item, body);
    if (item !== this.running) this.list.prepend(item);
    while (this.list.children.length > KEPT) this.list.lastElementChild.remove();
    this.empty.hidden = true;
  }

  /** Actions come before their turn is over: they wait in an item of their own until it is. */
  #addAction(item, body, fields) {
    if (!this.running?.isConnected) {
      body.append(element("div", "head", "Running"), element("ul", "actions"));
      this.list.prepend(item);
      this.running = item;
    }
    this.running.querySelector(".actions").append(drawAction(fields));
  }

  #adoptActions(item, body) {
    if (this.running?.isConnected) {
      body.querySelector(".head").after(this.running.querySelector(".actions"));
      this.running.remove();
    }
    this.running = null;
  }
}

const DRAW = { turn: drawTurn, repeat: drawRepeat, reload: drawReload, over: drawOver };

/** input, state, text, more, turn, page, language, refused, ms */
function drawTurn(body, fields, item) {
  const first = fields.turn === 1;
  const head = element("div", "head");
  const input = first ? ["dial", fields.input].filter(Boolean).join(", ") : fields.input || "(nothing)";
  head.append(element("span", "sent", input), element("span", "arrow", "→"), element("span", "state", fields.state));
  if (fields.ms !== undefined) head.append(element("span", "ms", milliseconds(fields.ms)));
  const notes = [cost(fields.text ?? "")];
  if (fields.page > 0) notes.push(`page ${fields.page + 1}`);
  if (fields.language) notes.push(fields.language);
  if (fields.refused) notes.push("input refused");
  if (!fields.more) notes.push("session ends");
  body.append(head, element("p", "meta", notes.join(" · ")));
  item.classList.toggle("first", first);
}

/** input: the same turn came again, and got its stored reply */
function drawRepeat(body, fields) {
  const head = element("div", "head");
  if (fields.input) head.append(element("span", "sent", fields.input));
  head.append("The same turn came again: the stored reply");
  body.append(head);
}

function drawAction({ name, outcome, ms }) {
  const item = element("li", outcome === "failed" ? "action failed" : "action");
  item.append(element("span", "action-name", name), ` ${outcome ?? ""}`);
  if (ms !== undefined) item.append(element("span", "ms", milliseconds(ms)));
  return item;
}

/** ok, bundle, findings: why the menu was not published, as `ussd check` prints them */
function drawReload(body, { ok, bundle, findings }, item) {
  item.classList.toggle("failed", !ok);
  const news = ok ? `Menu reloaded: ${bundle}` : "The menu did not reload; the last good one goes on.";
  const list = element("ul", "findings");
  list.append(...(findings ?? []).map(drawFinding));
  body.append(element("div", "head", news), list);
}

/** Its words wrap; the line of the file does not, or the mark below would be under another place. */
function drawFinding(finding) {
  const item = element("li", "finding");
  item.append(...finding.split("\n").map((line) => element("div", FILE_LINE.test(line) ? "source" : "", line)));
  return item;
}

/** status, hops: the gateway's notice that the session is over */
function drawOver(body, { status, hops }) {
  const turns = hops ? ` after ${hops} ${hops === 1 ? "turn" : "turns"}` : "";
  body.append(element("div", "head quiet", `Session over: ${status}${turns}`));
}

function drawOther(body, fields, item, kind) {
  body.append(element("div", "head", kind));
  const list = element("dl", "");
  for (const [name, value] of Object.entries(fields)) {
    list.append(element("dt", "", name), element("dd", "", typeof value === "object" ? JSON.stringify(value) : String(value)));
  }
  body.append(list);
}

function cost(text) {
  const { units, gsm } = size(text);
  return `${units} ${gsm ? "septets" : "UCS-2 units"}`;
}

function milliseconds(value) {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
