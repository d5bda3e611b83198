/* Applies the changes that dashboard/scene.py describes; texts go in as texts, never as markup. */
"use strict";
window.roundelay = (() => {
  const SVG = "http://www.w3.org/2000/svg";
  const boards = new Map();
  let expected = 0;

  const board = (name) => {
    const place = document.getElementById("board-" + name);
    let known = boards.get(name);
    if (!known || known.place !== place) {
      if (place) place.replaceChildren();
      known = { place, pieces: new Map() };
      boards.set(name, known);
    }
    return known;
  };

  const deeds = {
    add({ place, pieces }, [name, parent, before, tag, text, ...pairs]) {
      const home = parent ? pieces.get(parent) : place;
      const svg = tag === "svg" || (home.namespaceURI === SVG && home.tagName !== "foreignObject");
      const piece = svg ? document.createElementNS(SVG, tag) : document.createElement(tag);
      for (let i = 0; i < pairs.length; i += 2) put(piece, pairs[i], pairs[i + 1]);
      if (text) piece.textContent = text;
      home.insertBefore(piece, before ? pieces.get(before) : null);
      pieces.set(name, piece);
      piece.pieceName = name;
    },
    del({ pieces }, [name]) {
      const piece = pieces.get(name);
      piece.querySelectorAll("*").forEach((inner) => pieces.delete(inner.pieceName));
      piece.remove();
      pieces.delete(name);
    },
    set: ({ pieces }, [name, key, value]) => put(pieces.get(name), key, value),
    unset: ({ pieces }, [name, key]) => pieces.get(name).removeAttribute(key),
    text: ({ pieces }, [name, text]) => { pieces.get(name).textContent = text; },
  };

  const put = (piece, key, value) => {
    if (key === "style") piece.style.cssText = value;
    else piece.setAttribute(key, value);
  };

  const apply = (number, changes) => {
    try {
      if (number !== 0 && number !== expected) throw new Error("a message is missing");
      if (number === 0) boards.clear();
      for (const [name, list] of Object.entries(changes))
        for (const [deed, ...words] of list) deeds[deed](board(name), words);
      expected = number + 1;
    } catch (error) {
      emitEvent("resync", String(error));
    }
  };

  const act = (event) => {
    const piece = event.target.closest && event.target.closest("[data-act]");
    if (!piece) return;
    if (event.type === "keydown" && event.key !== "Enter" && event.key !== " ") return;
    if (event.type === "keydown") event.preventDefault();
    emitEvent("act", { act: piece.dataset.act, value: piece.dataset.value });
  };
  const press = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, [contenteditable]")) return;
    const act = /^[1-9]$/.test(event.key) ? "tab" : { "/": "look", "?": "help" }[event.key];
    if (!act) return;
    event.preventDefault();
    emitEvent("act", { act, value: event.key });
  };
  const place = () => emitEvent("place", Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
  const changeTheme = () => {
    Quasar.Dark.toggle();
    localStorage.setItem("dark", Quasar.Dark.isActive);
  };
  const recallTheme = () => {
    const kept = localStorage.getItem("dark");
    if (kept) Quasar.Dark.set(kept === "true");
  };
  let peeked = "";
  const peek = (event) => {
    const piece = event.target.closest && event.target.closest(".ring [data-act=node]");
    const value = piece ? piece.dataset.value : "";
    if (value !== peeked) emitEvent("peek", { value: (peeked = value) });
  };
  document.addEventListener("click", act);
  document.addEventListener("keydown", act);
  document.addEventListener("keydown", press);
  document.addEventListener("pointerover", peek);
  return { apply, place, changeTheme, recallTheme };
})();
