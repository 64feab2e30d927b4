// Panels of AI results: their button runs the app, the words of progress come beside it, the new
// text is swapped in. The socket says when to ask; while it is down, we ask every two seconds.
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

  const say = (panel, text, { isBusy = false, isBad = false } = {}) => {
    const line = panel.querySelector("[data-progress]");
    line.replaceChildren();
    if (isBusy) line.append(Object.assign(document.createElement("span"), { className: "zq-spin" }));
    line.append(text);
    line.classList.toggle("zq-down", isBad);
  };

  const refresh = async (panel) => {
    const page = new DOMParser().parseFromString(await get(panel.dataset.url, "text"), "text/html");
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
      say(panel, form.dataset.lost, { isBad: true });
    } finally {
      button.disabled = false;
      delete panel.dataset.isRunning;
    }
  };

  // Somebody else's run, or a bill that came in: the text changes under the reader's eyes.
  const onCacheUpdated = ({ detail }) => {
    const { mode, business_date: day } = window.zqyy.state;
    if (detail.mode !== mode || (mode === "sandbox" && detail.business_date !== day)) return;
    for (const panel of document.querySelectorAll("[data-panel]")) {
      const { cacheType, target, isRunning } = panel.dataset;
      if (cacheType === detail.cache_type && target === detail.target_id && !isRunning) refresh(panel);
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-run]");
    if (!form) return;
    event.preventDefault();
    run(form.closest("[data-panel]"), form);
  });
  document.addEventListener("change", (event) => {
    event.target.closest("form[data-choice]")?.requestSubmit();
  });
  document.addEventListener("zqyy:cache_updated", onCacheUpdated);
})();
