// Buttons that copy the text of an element and say so.
(() => {
  "use strict";

  const write = async (text, element) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Without TLS browsers offer only what is selected.
    getSelection().selectAllChildren(element);
    if (!document.execCommand("copy")) throw new Error("not copied");
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const element = document.getElementById(button.dataset.copy);
    const said = button.parentElement.querySelector("[data-copied]");
    try {
      await write(element.textContent, element);
      said.textContent = said.dataset.copied;
    } catch {
      said.textContent = said.dataset.failed;
    }
  });
})();
