// The list of jobs, a job and the finance analyses follow what happens: on a hint the page is fetched
// again and its part swapped, at most once a second.
(() => {
  "use strict";

  const PAUSE_MS = 1000;
  let timer = null;

  const reload = () => {
    timer = null;
    window.zqyy.swap("zqyy-jobs");
  };

  const follow = (event) => {
    const { follow: only } = document.getElementById("zqyy-jobs").dataset;
    if (only && event.detail && String(event.detail.id) !== only) return;
    timer = timer || setTimeout(reload, PAUSE_MS);
  };

  document.addEventListener("zqyy:job_progress", follow);
  document.addEventListener("zqyy:reconnected", follow);
})();
