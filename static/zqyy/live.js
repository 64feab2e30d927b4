// One socket for the page. Messages become DOM events: "zqyy:alert_created",
// "zqyy:job_progress", "zqyy:cache_updated", "zqyy:context_changed", with the payload as detail;
// "zqyy:connected" on every connection, "zqyy:reconnected" after a gap.
// They are hints: whoever listens asks the server for the truth.
(() => {
  "use strict";

  const FIRST_RETRY_MS = 500;
  const LONGEST_RETRY_MS = 15000;
  // A reload or a short hiccup is not worth a word.
  const SAY_LOST_AFTER_MS = 3000;
  // A network that went away says nothing: ask, and wait this long for any answer.
  const PING_MS = 20000;
  const PONG_MS = 5000;
  const GIVEN_UP = [4401, 4403];

  const live = { state: null, isConnected: false, isSignedOut: false };
  window.zqyy = live;

  let socket = null;
  let retryMs = FIRST_RETRY_MS;
  let retryTimer = null;
  let lostTimer = null;
  let pongTimer = null;
  let wasConnected = false;

  const emit = (name, detail) =>
    document.dispatchEvent(new CustomEvent(`zqyy:${name}`, { detail }));

  const showLost = () => {
    const note = document.getElementById("zqyy-connection");
    if (note) note.hidden = live.isConnected && !live.isSignedOut;
  };

  // Only a new page can help: say so, and go on saying so.
  live.signOut = () => {
    live.isSignedOut = true;
    const note = document.getElementById("zqyy-connection");
    if (note) note.lastElementChild.textContent = note.dataset.gone;
    showLost();
  };

  live.say = (message) => {
    if (live.isConnected) socket.send(JSON.stringify(message));
  };

  // Fetch this page again (asking.js) and put its part in place of ours. What somebody has opened stays open,
  // and the keyboard stays where it was, on elements that have an id.
  live.swap = async (id) => {
    const page = await live.ask(location.href, { as: "page" }).catch(() => null);
    if (!page) return; // the next hint asks again
    const [old, now] = [document.getElementById(id), page.getElementById(id)];
    if (!now) return;
    for (const { id: fold } of old.querySelectorAll("details[id][open]")) {
      page.getElementById(fold)?.setAttribute("open", "");
    }
    const focused = old.contains(document.activeElement) && document.activeElement.id;
    old.replaceWith(now);
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const isHeard = () => {
    clearTimeout(pongTimer);
    pongTimer = null;
  };

  const ping = () => {
    if (!live.isConnected || pongTimer) return;
    const asked = socket;
    live.say({ ping: 0 });
    pongTimer = setTimeout(() => lose(asked), PONG_MS);
  };

  const connect = () => {
    clearTimeout(retryTimer);
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const opened = new WebSocket(`${scheme}://${location.host}/ws/ai-alerts/${live.state.site}/`);
    socket = opened;

    opened.addEventListener("open", () => {
      if (opened !== socket) return;
      live.isConnected = true;
      retryMs = FIRST_RETRY_MS;
      clearTimeout(lostTimer);
      lostTimer = null;
      showLost();
      emit("connected");
      if (wasConnected) emit("reconnected");
      wasConnected = true;
    });
    opened.addEventListener("message", (event) => {
      if (opened !== socket) return;
      isHeard();
      const message = JSON.parse(event.data);
      if (message.site_id === live.state.site) emit(message.type, message.payload);
    });
    opened.addEventListener("close", (event) => lose(opened, event.code));
  };

  const lose = (lost, code) => {
    if (lost !== socket) return; // given up before
    isHeard();
    socket = null;
    live.isConnected = false;
    lost.close();
    if (GIVEN_UP.includes(code)) {
      setTimeout(live.signOut, SAY_LOST_AFTER_MS);
      return;
    }
    lostTimer = lostTimer || setTimeout(showLost, SAY_LOST_AFTER_MS);
    retryTimer = setTimeout(connect, retryMs * (0.5 + Math.random() / 2));
    retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
  };

  // Out of the pocket, back on the network: now rather than by the clock.
  const wake = () => {
    if (document.hidden || !live.state) return;
    if (live.isConnected) ping();
    else if (!socket && retryTimer) connect();
  };

  document.addEventListener("DOMContentLoaded", () => {
    const state = document.getElementById("zqyy-state");
    if (!state) return;
    live.state = JSON.parse(state.textContent);
    connect();
    setInterval(ping, PING_MS);
    document.addEventListener("visibilitychange", wake);
    window.addEventListener("online", wake);
  });
})();
