// The page of a file that is being worked on: fetched again until nothing is under way.
(() => {
  "use strict";

  const ROUND_MS = 1000;

  const follow = async () => {
    if (window.zqyy.isSignedOut || !document.querySelector("#zqyy-import[data-busy]")) return;
    if (!document.hidden) await window.zqyy.swap("zqyy-import");
    setTimeout(follow, ROUND_MS);
  };

  document.addEventListener("DOMContentLoaded", () => setTimeout(follow, ROUND_MS));
})();
