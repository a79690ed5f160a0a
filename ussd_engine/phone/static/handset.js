// A feature phone and its gateway, without I/O. The twin of ussd_engine/phone/handset.py, which explains
// it; tests/phone/vectors.py holds both to the same examples.

export class HandsetError extends Error {}

/** The code as dialled: spaces removed, the closing # added. Throws HandsetError when it is none. */
export function completeCode(code) {
  code = code.replace(/\s/g, "");
  if (!code.endsWith("#")) code += "#";
  if (!/^\*[0-9*]*[0-9]#$/.test(code)) {
    throw new HandsetError(`${code} is not a code a phone can dial. It looks like *384*89598#`);
  }
  return code;
}

/** The service code, and the text that goes with the first turn: [code, text]. */
export function splitCode(dialled, serviceCodes) {
  const stem = dialled.replace(/#$/, "");
  for (const known of [...serviceCodes].sort((a, b) => b.length - a.length)) {
    const prefix = known.replace(/#$/, "");
    if (stem === prefix) return [known, ""];
    if (stem.startsWith(`${prefix}*`)) return [known, stem.slice(prefix.length + 1)];
  }
  return [dialled, ""];
}

export class Handset {
  constructor({ msisdn, network = "63902", serviceCodes = [] }) {
    this.msisdn = msisdn;
    this.network = network;
    this.serviceCodes = serviceCodes;
    this.state = "idle"; // idle, sending, asked, ended, failed
    this.screen = null; // {text, more, problem}
    this.dialled = "";
    this.serviceCode = "";
    this.sessionId = "";
    this.inputs = [];
    this.hops = 0;
    this.started = null;
    this.notified = true;
  }

  get text() {
    return this.inputs.join("*");
  }

  get form() {
    return {
      sessionId: this.sessionId,
      phoneNumber: this.msisdn,
      networkCode: this.network,
      serviceCode: this.serviceCode,
      text: this.text,
    };
  }

  get inSession() {
    return this.state === "sending" || this.state === "asked";
  }

  get canRetry() {
    return this.sessionId !== "" && !this.notified && this.state !== "sending";
  }

  dial(code, now) {
    if (this.inSession) throw new HandsetError("The phone is in a session. Hang up first.");
    this.dialled = completeCode(code);
    const [serviceCode, rest] = splitCode(this.dialled, this.serviceCodes);
    this.serviceCode = serviceCode;
    this.sessionId = `ATUid_${randomHex(16)}`;
    this.inputs = rest ? rest.split("*") : [];
    this.hops = 1;
    this.started = now;
    this.notified = false;
    return this.#send();
  }

  redial(now) {
    if (!this.dialled) throw new HandsetError("Nothing was dialled yet.");
    return this.dial(this.dialled, now);
  }

  answer(reply) {
    if (this.state !== "asked") throw new HandsetError("The phone is not asked for anything.");
    this.inputs.push(reply);
    this.hops += 1;
    return this.#send();
  }

  retry() {
    if (!this.sessionId) throw new HandsetError("Nothing was sent yet.");
    if (this.notified) throw new HandsetError("This session is over. Dial again.");
    return this.#send();
  }

  receive(status, body) {
    const kind = body.slice(0, 4);
    const text = body.slice(4);
    if (status === 200 && kind === "CON ") return this.#show("asked", { text, more: true, problem: "" });
    if (status === 200 && kind === "END ") return this.#show("ended", { text, more: false, problem: "" });
    const said = body.trim().split("\n")[0].slice(0, 120) || "nothing";
    if (status === 200) return this.fail(`an answer must begin with CON or END; it was: ${said}`);
    return this.fail(`HTTP ${status}: ${said}`);
  }

  fail(problem) {
    return this.#show("failed", { text: "Connection problem or invalid MMI code.", more: false, problem });
  }

  /** Leave the session. Returns its end-of-session notification, or null when there is none to send. */
  hangUp(now) {
    const form = this.notified ? null : this.#notification(now);
    this.notified = true;
    this.state = "idle";
    return form;
  }

  #send() {
    this.state = "sending";
    return this.form;
  }

  #show(state, screen) {
    this.state = state;
    this.screen = screen;
    return screen;
  }

  #notification(now) {
    const status = { ended: "Success", failed: "Failed" }[this.state] ?? "Incomplete";
    return {
      date: now.toISOString().slice(0, 19).replace("T", " "),
      sessionId: this.sessionId,
      serviceCode: this.serviceCode,
      networkCode: this.network,
      phoneNumber: this.msisdn,
      status,
      cost: "KES 0.0000",
      durationInMillis: String(now - this.started),
      hopsCount: String(this.hops),
      input: this.text,
      lastAppResponse: this.screen?.text ?? "",
      errorMessage: this.screen?.problem ?? "",
    };
  }
}

function randomHex(bytes) {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
