// Keyboard shortcuts, dialogs, and the stream of events that refreshes live parts. Pages work without it.
"use strict";

document.documentElement.classList.add("scripted");

// A row of links or steps that is wider than the screen begins at the current one.
for (const current of document.querySelectorAll(":is(nav, .steps) [aria-current]")) {
  const row = current.closest("nav, .steps");
  const [at, of] = [current, row].map((element) => element.getBoundingClientRect());
  row.scrollLeft += (at.left + at.right - of.left - of.right) / 2;
}

const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;

// Shortcuts: `/` searches, `?` lists the keys, `k` opens the kill dialog of a flag, `g` and a letter opens a page.
let goesTo = false;
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (goesTo) {
    goesTo = false;
    const link = document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      link.click();
    }
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  const open = { "?": "keys", k: "kill" }[event.key];
  if (event.key === "g") {
    goesTo = true;
    setTimeout(() => { goesTo = false; }, 1500);
  } else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  } else if (open && document.getElementById(open)) {
    event.preventDefault();
    document.getElementById(open).showModal();
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.open);
    if (dialog) {
      event.preventDefault();
      // A dialog of a list is about the flag of its row.
      const { flag } = opener.dataset;
      if (flag) {
        dialog.querySelector("input[name=flag]").value = flag;
        dialog.querySelector("[data-flag-name]").textContent = flag;
      }
      dialog.showModal();
    }
  }
  const closer = event.target.closest("dialog [data-close]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog").close();
  }
  const all = event.target.closest("input[data-check-all]");
  if (all) {
    for (const box of document.getElementsByName(all.dataset.checkAll)) box.checked = all.checked;
  }
});

// A field that submits its form when it changes, such as a filter.
document.addEventListener("change", (event) => {
  if (event.target.closest("[data-submits]")) event.target.form.requestSubmit();
});

// A search has begun while it was typed: once more, when its field is left, it would take the focus from the list.
document.addEventListener("change", (event) => {
  if (event.target.type === "search") event.stopPropagation();
}, true);

// Live parts: `data-live="revision"` is requested again after each change of flags, `data-live="tick"` also every few
// seconds. The windows of a browser share one stream, in a worker; where there are no shared workers, each visible window
// has its own. A browser has few connections to a host, so hidden pages have none.
let source = null;
// The revision that the page shows: a change between its rendering and the first event is not missed.
let seen = document.body.dataset.revision;
const refresh = (kind) => {
  const selector = kind === "tick" ? '[data-live="tick"]' : "[data-live]";
  for (const part of document.querySelectorAll(selector)) htmx.trigger(part, "live");
};
// An error leaves a live part as it is: the page of the error has no such part, which would only vanish.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.isError && event.detail.requestConfig.elt.matches("[data-live]")) event.detail.shouldSwap = false;
});
// A live part that is replaced keeps its open details.
document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
  for (const open of target.querySelectorAll("details[open][id]")) {
    const next = fragment.querySelector(`#${CSS.escape(open.id)}`);
    if (next) next.open = true;
  }
});
const received = ({ kind, data }) => {
  if (kind === "tick") return refresh("tick");
  if (seen !== data) refresh("revision");
  seen = data;
};
const share = ({ events, eventsWorker }) => {
  const { port } = new SharedWorker(eventsWorker, { name: events });
  port.addEventListener("message", ({ data }) => received(data));
  port.start();
  port.postMessage(true);
  return () => {
    port.postMessage(false);
    port.close();
  };
};
const listen = ({ events }) => {
  const stream = new EventSource(events);
  for (const kind of ["revision", "tick"]) {
    stream.addEventListener(kind, ({ data }) => received({ kind, data }));
  }
  return () => stream.close();
};
const connect = () => {
  const paths = document.body.dataset;
  if (source || document.hidden || !paths.events || !document.querySelector("[data-live]")) return;
  source = "SharedWorker" in window ? share(paths) : listen(paths);
};
const disconnect = () => {
  if (source) source();
  source = null;
};
document.addEventListener("visibilitychange", () => (document.hidden ? disconnect() : connect()));
window.addEventListener("pagehide", disconnect);
window.addEventListener("pageshow", connect);
connect();
