// What Unfold and its htmx leave undone.
(() => {
  "use strict";

  // The content security policy refuses it.
  htmx.config.includeIndicatorStyles = false;
  htmx.config.allowEval = false;

  // An icon is a word to whoever hears the page.
  document.addEventListener("DOMContentLoaded", () => {
    for (const icon of document.querySelectorAll(".material-symbols-outlined")) {
      icon.setAttribute("aria-hidden", "true");
    }
    // The list of the sidebar scrolls, and is named in English.
    const menu = document.querySelector("[aria-controls=nav-sidebar]");
    SimpleBar.defaultOptions.ariaLabel = menu ? menu.ariaLabel : "";
  });
})();
