// One socket for the page. Messages become DOM events: "zqyy:job_progress", "zqyy:cache_updated",
// "zqyy:context_changed", with the payload as detail; "zqyy:reconnected" after a gap.
// They are hints: whoever listens asks the server for the truth.
(() => {
  "use strict";

  const FIRST_RETRY_MS = 500;
  const LONGEST_RETRY_MS = 15000;
  // A reload or a short hiccup is not worth a word.
  const SAY_LOST_AFTER_MS = 3000;
  const GIVEN_UP = [4401, 4403];

  const live = { state: null, isConnected: false };
  window.zqyy = live;

  let retryMs = FIRST_RETRY_MS;
  let lostTimer = null;
  let wasConnected = false;

  const emit = (name, detail) =>
    document.dispatchEvent(new CustomEvent(`zqyy:${name}`, { detail }));

  const showLost = () => {
    const note = document.getElementById("zqyy-connection");
    if (note) note.hidden = live.isConnected;
  };

  const connect = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/ai-alerts/${live.state.site}/`);

    socket.addEventListener("open", () => {
      live.isConnected = true;
      retryMs = FIRST_RETRY_MS;
      clearTimeout(lostTimer);
      lostTimer = null;
      showLost();
      if (wasConnected) emit("reconnected");
      wasConnected = true;
    });
    socket.addEventListener("message", (event) => {
      const message = JSON.parse(event.data);
      if (message.site_id === live.state.site) emit(message.type, message.payload);
    });
    socket.addEventListener("close", (event) => {
      live.isConnected = false;
      lostTimer = lostTimer || setTimeout(showLost, SAY_LOST_AFTER_MS);
      // Signed out or no longer granted: only a new page can help.
      if (GIVEN_UP.includes(event.code)) return;
      setTimeout(connect, retryMs * (0.5 + Math.random() / 2));
      retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
    });
  };

  document.addEventListener("DOMContentLoaded", () => {
    const state = document.getElementById("zqyy-state");
    if (!state) return;
    live.state = JSON.parse(state.textContent);
    connect();
  });
})();
