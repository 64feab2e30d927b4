// The date of this page changed somewhere else: show it. A page with something typed into it is
// not thrown away; it offers the reload instead.
(() => {
  "use strict";

  let isTouched = false;
  // Our own change of the date is on its way to a new page: a reload would overtake it.
  let isLeaving = false;

  const check = async () => {
    const bar = document.getElementById("zqyy-bar");
    const shown = window.zqyy.state;
    // A page with ?as_of= keeps its date whatever the settings say.
    if (!bar || shown.scope === "as_of") return;
    const now = await window.zqyy.ask(bar.dataset.stateUrl).catch(() => null);
    if (!now) return; // the next hint asks again
    if (["site", "mode", "business_date", "scope"].every((key) => now[key] === shown[key])) return;
    if (isLeaving) return;
    if (isTouched) document.getElementById("zqyy-reload").hidden = false;
    else location.reload();
  };

  window.addEventListener("beforeunload", () => { isLeaving = true; });
  document.addEventListener("input", () => { isTouched = true; });
  document.addEventListener("zqyy:context_changed", check);
  document.addEventListener("zqyy:reconnected", check);
  document.addEventListener("DOMContentLoaded", () => {
    const reload = document.getElementById("zqyy-reload");
    if (reload) reload.addEventListener("click", () => location.reload());
  });
})();
