// How a page asks the server: whoever asks gets the answer, or an error with a sentence for a person.
// And how a form is sent: once, however often it is pressed.
(() => {
  "use strict";

  const live = window.zqyy;
  const words = () => document.getElementById("zqyy-connection")?.dataset ?? {};

  // isFinal: asked again, the server would say the same.
  class Unanswered extends Error {
    constructor(sentence, { isFinal = true } = {}) {
      super(sentence);
      this.isFinal = isFinal;
    }
  }

  const signedOut = () => {
    live.signOut();
    return new Unanswered(words().gone);
  };

  const lost = () => new Unanswered(words().lost, { isFinal: false });

  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  const refusal = (status, json, text) => {
    if (json?.message) return new Unanswered(json.message, { isFinal: status < 500 });
    // A form of a session that has ended since.
    if (parse(text).querySelector("[data-expired]")) return signedOut();
    if (status === 403) return new Unanswered(words().forbidden);
    if (status === 404) return new Unanswered(words().missing);
    return lost();
  };

  const asJson = (text) => {
    try {
      return JSON.parse(text);
    } catch {
      return null;
    }
  };

  // The answer `as` "json" or "page" (a document). Throws Unanswered.
  live.ask = async (url, { as = "json", ...request } = {}) => {
    let answer;
    let text;
    try {
      answer = await fetch(url, { headers: { "X-Requested-With": "fetch" }, ...request });
      text = await answer.text();
    } catch {
      throw lost();
    }
    // Who is not signed in is led to the form for it.
    if (answer.redirected) throw signedOut();
    const json = as === "json" || !answer.ok ? asJson(text) : null;
    if (!answer.ok) throw refusal(answer.status, json, text);
    if (as === "page") return parse(text);
    if (json === null) throw signedOut();
    return json;
  };

  // What to tell a person about something that was thrown.
  live.reason = (error) => (error instanceof Unanswered ? error.message : words().lost);

  // A line about a deed, to be put where it was done.
  live.remark = (text, { isBad = false } = {}) => {
    const line = document.createElement("div");
    line.className = isBad ? "zq-said zq-down" : "zq-said";
    line.dataset.said = "";
    line.setAttribute("role", isBad ? "alert" : "status");
    line.append(text);
    return line;
  };

  // Mark an element as being worked on, and the button that began it. Null where it is already;
  // else what ends it.
  live.hold = (element, button) => {
    if (element.getAttribute("aria-busy") === "true") return null;
    element.setAttribute("aria-busy", "true");
    button?.setAttribute("data-pressed", "");
    return () => {
      element.removeAttribute("aria-busy");
      button?.removeAttribute("data-pressed");
    };
  };

  // Forms that lead to another page: held until it is there. On the window, after whoever sends
  // theirs without a page has said so.
  const held = [];
  window.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method")?.toLowerCase() !== "post") return;
    const release = live.hold(form, event.submitter);
    if (release) held.push(release);
    else event.preventDefault();
  });
  // Somebody came back to the page by the browser's own button.
  window.addEventListener("pageshow", () => {
    for (const release of held.splice(0)) release();
  });

  // The second press of a double click may meet what the first one has moved there.
  document.addEventListener("click", (event) => {
    const button = event.detail > 1 && event.target.closest("form[method=post] button");
    if (button && button.type === "submit") event.preventDefault();
  }, true);
})();
