// What moves on the pages. Everything works without it.
"use strict";

for (const block of navigator.clipboard ? document.querySelectorAll("pre.copy") : []) {
  const text = block.textContent;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  });
  block.append(button);
}

const live = document.querySelector("[data-live]");
if (live) {
  const most = 500;
  const state = document.getElementById("live-state");
  const source = new EventSource(live.dataset.live);
  source.onopen = () => { state.textContent = "New requests appear by themselves."; };
  source.onerror = () => { state.textContent = "The connection is lost; it is tried again."; };
  source.onmessage = (event) => {
    // The server has escaped what is in the row.
    const row = document.createElement("template");
    row.innerHTML = event.data;
    live.prepend(row.content);
    while (live.rows.length > most) live.deleteRow(-1);
  };
}
