// The bell, its toasts, and the list of alerts. What comes over the socket says that there is
// something; how many are unread is asked of the server.
(() => {
  "use strict";

  const TOASTS = 4;
  const SHOWN_MS = { info: 8000, warning: 15000 }; // an error stays until somebody takes it away
  const PAUSE_MS = 300;
  const TURNS = ["kill_switch", "circuit_open", "recovered"]; // whether AI works

  let newest = 0;
  let timer = null;

  const byId = (id) => document.getElementById(id);

  const show = ({ unread }) => {
    const count = byId("zqyy-bell").querySelector("[data-count]");
    count.hidden = unread === 0;
    count.textContent = unread > 99 ? "99+" : unread;
  };

  const refresh = async () => {
    timer = null;
    const now = await window.zqyy.ask(byId("zqyy-bell").dataset.url).catch(() => null);
    if (now) show(now); // else the next alert asks again
    if (byId("zqyy-alert-list")) window.zqyy.swap("zqyy-alert-list");
  };
  const refreshSoon = () => { timer = timer || setTimeout(refresh, PAUSE_MS); };

  const remove = (id) => byId("zqyy-toasts").querySelector(`[data-alert="${id}"]`)?.remove();

  const toast = (alert) => {
    const card = byId("zqyy-toast").content.firstElementChild.cloneNode(true);
    card.dataset.alert = alert.id;
    card.classList.add(`zq-toast-${alert.severity}`);
    card.querySelector("[data-title]").textContent = alert.title;
    card.querySelector("[data-message]").textContent = alert.message;
    card.querySelector("[data-times]").textContent = alert.count > 1 ? `× ${alert.count}` : "";
    card.querySelector("[data-close]").addEventListener("click", () => card.remove());
    const form = card.querySelector("form");
    if (form) form.action = form.dataset.action.replace("/0/", `/${alert.id}/`);
    remove(alert.id);
    const toasts = byId("zqyy-toasts");
    toasts.append(card);
    while (toasts.children.length > TOASTS) toasts.firstElementChild.remove();
    if (SHOWN_MS[alert.severity]) setTimeout(() => card.remove(), SHOWN_MS[alert.severity]);
  };

  const acknowledge = async (button, form, url) => {
    const release = window.zqyy.hold(button, button);
    if (!release) return;
    button.parentElement.querySelector("[data-said]")?.remove();
    try {
      await window.zqyy.ask(url, { method: "POST", body: new FormData(form) });
      form.closest("[data-alert]")?.remove();
      refreshSoon();
    } catch (error) {
      // It stays where it is, to be pressed again.
      button.after(window.zqyy.remark(window.zqyy.reason(error), { isBad: true }));
    } finally {
      release();
    }
  };

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    const isOurs = button && (button.closest("#zqyy-toasts") || "acknowledge" in button.dataset);
    if (!isOurs) return;
    event.preventDefault();
    const form = event.target;
    acknowledge(button, form, button.hasAttribute("formaction") ? button.formAction : form.action);
  });

  document.addEventListener("zqyy:alert_created", ({ detail }) => {
    newest = Math.max(newest, detail.seq);
    toast(detail);
    refreshSoon();
    if (TURNS.includes(detail.alert_type) && byId("zqyy-ai")) window.zqyy.swap("zqyy-ai");
  });
  document.addEventListener("zqyy:alert_acknowledged", ({ detail }) => {
    detail.ids.forEach(remove);
    refreshSoon();
  });
  document.addEventListener("zqyy:resync", ({ detail }) => {
    newest = detail.seq;
    refreshSoon();
  });
  // Also the first time: something may have been raised since the page was made.
  document.addEventListener("zqyy:connected", () => {
    if (byId("zqyy-bell")) window.zqyy.say({ resume_after: newest });
  });
  document.addEventListener("zqyy:reconnected", () => {
    if (byId("zqyy-bell")) refreshSoon();
  });
  document.addEventListener("DOMContentLoaded", () => {
    const start = byId("zqyy-alerts");
    if (start) newest = JSON.parse(start.textContent).seq;
  });
})();
