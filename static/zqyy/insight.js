// Panels of AI results: their button runs the app, the words of progress come beside it, the new
// text is swapped in. The socket says when to ask; while it is down, we ask every two seconds.
// Their other forms (judging, clues by hand) are sent without a reload as well; evidence is fetched
// when its fold is opened.
(() => {
  "use strict";

  const POLL_MS = 2000;
  // With the socket up a lost hint costs this many rounds.
  const QUIET_ROUNDS = 5;

  const get = (url, as) =>
    fetch(url, { headers: { "X-Requested-With": "fetch" } }).then((response) => {
      if (!response.ok) throw new Error(`${url}: ${response.status}`);
      return response[as]();
    });

  const parse = (html) => new DOMParser().parseFromString(html, "text/html");

  const say = (panel, text, { isBusy = false, isBad = false } = {}) => {
    const line = panel.querySelector("[data-progress]");
    line.replaceChildren();
    if (isBusy) line.append(Object.assign(document.createElement("span"), { className: "zq-spin" }));
    line.append(text);
    line.classList.toggle("zq-down", isBad);
  };

  const sayLost = (panel) => {
    say(panel, panel.querySelector("[data-progress]").dataset.lost, { isBad: true });
  };

  const refresh = async (panel) => {
    const page = parse(await get(panel.dataset.url, "text"));
    for (const part of ["[data-body]", "[data-label]"]) {
      const old = panel.querySelector(part);
      if (old) old.replaceWith(page.querySelector(part));
    }
    panel.querySelector("[data-body]").classList.add("zq-fresh");
  };

  // Resolves with the last standing of the job: asked at once, on every hint, and by the clock.
  const follow = (panel, job, progressUrl) =>
    new Promise((resolve) => {
      let quietRounds = 0;
      let isDone = false;

      const ask = async () => {
        quietRounds = 0;
        let now;
        try {
          now = await get(progressUrl(job.id), "json");
        } catch {
          return; // the next round asks again
        }
        if (isDone) return;
        say(panel, now.label, { isBusy: now.is_open });
        if (now.is_open) return;
        isDone = true;
        clearInterval(clock);
        document.removeEventListener("zqyy:job_progress", onHint);
        resolve(now);
      };
      const onHint = (event) => { if (event.detail.id === job.id) ask(); };
      const clock = setInterval(() => {
        quietRounds += 1;
        if (!window.zqyy.isConnected || quietRounds >= QUIET_ROUNDS) ask();
      }, POLL_MS);

      document.addEventListener("zqyy:job_progress", onHint);
      say(panel, job.label, { isBusy: true });
      ask();
    });

  const runJob = async (panel, form) => {
    const fields = new FormData(form);
    fields.set("app", form.dataset.run);
    const response = await fetch(form.action, { method: "POST", body: fields });
    const answer = await response.json();
    if (!response.ok) return { status: "failed", message: answer.message };
    return follow(panel, answer, (id) => new URL(`../${id}/progress/`, form.action).href);
  };

  const run = async (panel, form) => {
    const button = form.querySelector("button");
    button.disabled = true;
    panel.dataset.isRunning = "yes";
    try {
      const last = await runJob(panel, form);
      if (last.status === "completed") await refresh(panel);
      say(panel, last.message || last.label, { isBad: last.status !== "completed" });
    } catch {
      sayLost(panel);
    } finally {
      button.disabled = false;
      delete panel.dataset.isRunning;
    }
  };

  // Send a form and show what has become of its panel; the keyboard stays where it was.
  const post = async (panel, form) => {
    panel.dataset.isRunning = "yes";
    try {
      const response = await fetch(form.action, {
        method: "POST",
        body: new FormData(form),
        headers: { "X-Requested-With": "fetch" },
      });
      const answer = await response.json();
      if (response.ok) {
        await refresh(panel);
        const same = panel.querySelector(`[data-key="${form.dataset.key}"] button`);
        (same ?? panel.querySelector("[data-body] :is(button, summary)"))?.focus();
      }
      say(panel, answer.message, { isBad: !response.ok });
    } catch {
      sayLost(panel);
    } finally {
      delete panel.dataset.isRunning;
    }
  };

  // Some verdicts ask why before they are sent.
  const judge = (button) => {
    const { form } = button;
    const why = form.querySelector("[data-reason]");
    form.elements.verdict.value = button.dataset.verdict;
    form.elements.reason.value = "";
    why.hidden = !("asks" in button.dataset);
    for (const one of form.querySelectorAll("[data-asks]")) {
      one.setAttribute("aria-expanded", String(one === button));
    }
    if (why.hidden) form.requestSubmit();
    else form.elements.reason.focus();
  };

  const openEvidence = async (fold) => {
    const body = fold.querySelector("[data-evidence-body]");
    if (!fold.open || body.childElementCount) return;
    try {
      body.replaceChildren(...parse(await get(fold.dataset.evidence, "text")).body.childNodes);
    } catch {
      body.textContent = fold.dataset.lost; // opened again, it asks again
    }
  };

  const isTyping = (panel) => panel.querySelector("[data-body] :is(input, textarea, select):focus");

  // Somebody else's run, or a bill that came in: the text changes under the reader's eyes.
  const onCacheUpdated = ({ detail }) => {
    const { mode, business_date: day } = window.zqyy.state;
    if (detail.mode !== mode || (mode === "sandbox" && detail.business_date !== day)) return;
    for (const panel of document.querySelectorAll("[data-panel]")) {
      const { cacheType, target, isRunning } = panel.dataset;
      if (cacheType !== detail.cache_type || target !== detail.target_id) continue;
      if (!isRunning && !isTyping(panel)) refresh(panel);
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form:is([data-run], [data-post])");
    if (!form) return;
    event.preventDefault();
    ("run" in form.dataset ? run : post)(form.closest("[data-panel]"), form);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-verdict]");
    if (button) judge(button);
  });
  document.addEventListener("keydown", (event) => {
    const why = event.key === "Escape" && event.target.closest("[data-reason]");
    if (!why) return;
    why.hidden = true;
    const asking = why.closest("form").querySelector("[aria-expanded=true]");
    asking.setAttribute("aria-expanded", "false");
    asking.focus();
  });
  // It does not bubble.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("[data-evidence]")) openEvidence(event.target);
  }, true);
  document.addEventListener("zqyy:cache_updated", onCacheUpdated);
})();
