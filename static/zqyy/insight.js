// Panels of AI results: their button runs the app, the words of progress come beside it, the new
// text is swapped in. The socket says when to ask; while it is down, we ask every two seconds.
// Their other forms (deeds) are sent without a reload as well, one at a time, and answered in the row
// where they stand; evidence is fetched when its fold is opened.
(() => {
  "use strict";

  const live = window.zqyy;
  const POLL_MS = 2000;
  // With the socket up a lost hint costs this many rounds.
  const QUIET_ROUNDS = 5;

  const say = (panel, text, { isBusy = false, isBad = false } = {}) => {
    const line = panel.querySelector("[data-progress]");
    line.replaceChildren();
    if (isBusy) line.append(Object.assign(document.createElement("span"), { className: "zq-spin" }));
    line.append(text);
    line.classList.toggle("zq-down", isBad);
  };

  const refresh = async (panel) => {
    const page = await live.ask(panel.dataset.url, { as: "page" });
    for (const part of ["[data-body]", "[data-label]"]) {
      const [old, now] = [panel.querySelector(part), page.querySelector(part)];
      if (old && now) old.replaceWith(now);
    }
    panel.querySelector("[data-body]").classList.add("zq-fresh");
  };

  // --- Runs --------------------------------------------------------------------------------------

  // Resolves with the last standing of the job: asked at once, on every hint, and by the clock.
  const follow = (panel, job, progressUrl) =>
    new Promise((resolve, reject) => {
      let quietRounds = 0;
      let isDone = false;

      const stop = () => {
        isDone = true;
        clearInterval(clock);
        document.removeEventListener("zqyy:job_progress", onHint);
      };
      const ask = async () => {
        quietRounds = 0;
        try {
          const now = await live.ask(progressUrl(job.id));
          if (isDone) return;
          say(panel, now.label, { isBusy: now.is_open });
          if (now.is_open) return;
          stop();
          resolve(now);
        } catch (error) {
          if (!error.isFinal) return; // the next round asks again
          stop();
          reject(error);
        }
      };
      const onHint = (event) => { if (event.detail.id === job.id) ask(); };
      const clock = setInterval(() => {
        quietRounds += 1;
        if (!live.isConnected || quietRounds >= QUIET_ROUNDS) ask();
      }, POLL_MS);

      document.addEventListener("zqyy:job_progress", onHint);
      say(panel, job.label, { isBusy: true });
      ask();
    });

  const runJob = async (panel, form) => {
    const fields = new FormData(form);
    fields.set("app", form.dataset.run);
    const job = await live.ask(form.action, { method: "POST", body: fields });
    return follow(panel, job, (id) => new URL(`../${id}/progress/`, form.action).href);
  };

  const run = async (panel, form) => {
    const button = form.querySelector("button");
    button.disabled = true;
    panel.dataset.isRunning = "yes";
    try {
      const last = await runJob(panel, form);
      if (last.status === "completed") await refresh(panel);
      say(panel, last.message || last.label, { isBad: last.status !== "completed" });
    } catch (error) {
      say(panel, live.reason(error), { isBad: true });
    } finally {
      button.disabled = false;
      delete panel.dataset.isRunning;
    }
  };

  // --- Deeds -------------------------------------------------------------------------------------

  const rowsOf = (panel) => [...panel.querySelectorAll("[data-body] [data-row]")];

  // Where a deed is done: its row, and what tells row and form again when the panel has changed.
  const placeOf = (panel, form) => {
    const row = form.closest("[data-row]");
    return {
      row: form.dataset.undoes ?? row?.dataset.row,
      nth: rowsOf(panel).indexOf(row),
      action: form.action,
      form: form.dataset.key,
      verdict: form.elements.verdict?.value,
    };
  };

  const findForm = (panel, place) =>
    [...panel.querySelectorAll("[data-body] form")].find(
      (form) => form.action === place.action && form.dataset.key === place.form,
    );

  // The row that a deed was done in; where it has gone the one that has come up in its place.
  const findRow = (panel, place) => {
    const rows = rowsOf(panel);
    const same = rows.find((row) => row.dataset.row === place.row);
    return { row: same ?? rows[Math.min(place.nth, rows.length - 1)], isGone: !same };
  };

  const closedFold = (form) => form?.closest("details:not([open])");

  // `kept`: a form that may have to be sent again.
  const tell = (panel, place, line, kept) => {
    for (const old of panel.querySelectorAll("[data-said]")) if (!old.contains(kept)) old.remove();
    const { row, isGone } = findRow(panel, place);
    const form = findForm(panel, place);
    if (row && isGone) row.prepend(line);
    else if (row) row.append(line);
    else if (closedFold(form)) closedFold(form).after(line);
    else if (form) form.append(line);
    else panel.querySelector("[data-body]").prepend(line);
  };

  // The keyboard stays where it was: in the form, its fold, its row or the next; else at the words.
  const focusAgain = (panel, place, line) => {
    const form = findForm(panel, place);
    const button = place.verdict ? `[data-verdict="${place.verdict}"]` : "button";
    const pressed = closedFold(form)?.querySelector("summary") ?? form?.querySelector(button);
    const found = pressed ?? findRow(panel, place).row ?? line;
    if (!pressed) found.tabIndex = -1;
    found.focus({ preventScroll: true });
  };

  // What the panel has for taking a deed back, beside the words about it.
  const addUndo = (panel, place, line, url) => {
    const form = panel.querySelector("template[data-undo]").content.firstElementChild.cloneNode(true);
    form.action = url;
    form.dataset.undoes = place.row;
    line.append(form);
  };

  // Send a form and show, where it stands, what has become of it.
  const post = async (panel, form, button) => {
    const release = live.hold(panel, button);
    if (!release) return;
    const place = placeOf(panel, form);
    try {
      const answer = await live.ask(form.action, { method: "POST", body: new FormData(form) });
      const hadFocus = form.contains(document.activeElement);
      await refresh(panel).catch(() => {}); // done is done
      const line = live.remark(answer.message);
      if (answer.undo) addUndo(panel, place, line, answer.undo);
      tell(panel, place, line);
      if (hadFocus) focusAgain(panel, place, line);
    } catch (error) {
      tell(panel, place, live.remark(live.reason(error), { isBad: true }), form);
    } finally {
      release();
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
      const page = await live.ask(fold.dataset.evidence, { as: "page" });
      body.replaceChildren(...page.body.childNodes);
    } catch (error) {
      body.textContent = live.reason(error); // opened again, it asks again
    }
  };

  const isTyping = (panel) => panel.querySelector("[data-body] :is(input, textarea, select):focus");

  // Somebody else's run, or a bill that came in: the text changes under the reader's eyes.
  const onCacheUpdated = ({ detail }) => {
    const { mode, business_date: day } = live.state;
    if (detail.mode !== mode || (mode === "sandbox" && detail.business_date !== day)) return;
    for (const panel of document.querySelectorAll("[data-panel]")) {
      const { cacheType, target, isRunning } = panel.dataset;
      if (cacheType !== detail.cache_type || target !== detail.target_id) continue;
      const isBusy = isRunning || panel.getAttribute("aria-busy") === "true";
      if (!isBusy && !isTyping(panel)) refresh(panel).catch(() => {}); // the next hint asks again
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form:is([data-run], [data-post])");
    if (!form) return;
    event.preventDefault();
    ("run" in form.dataset ? run : post)(form.closest("[data-panel]"), form, event.submitter);
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
