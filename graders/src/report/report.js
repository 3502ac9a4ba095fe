"use strict";
const value = (row, column) => {
  const cell = row.cells[column];
  return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
};
for (const head of document.querySelectorAll(".sorts th")) {
  head.tabIndex = 0;
  const sort = () => {
    const up = head.ariaSort !== "ascending";
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.ariaSort = up ? "ascending" : "descending";
    const body = head.closest("table").tBodies[0];
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
    const rows = [...body.rows].map((row) => [value(row, head.cellIndex), row]);
    rows.sort(([a], [b]) => (up ? compare(a, b) : compare(b, a)));
    body.append(...rows.map(([, row]) => row));
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => event.key === "Enter" && sort());
}
for (const time of document.querySelectorAll("time")) {
  const unix = Number(time.dataset.unix);
  time.textContent = unix ? new Date(unix * 1000).toISOString().replace("T", " ").slice(0, 16) + " UTC" : "";
}
const rows = [...document.querySelector("#items").tBodies[0].rows];
const tools = document.querySelector("#tools");
let status = "";
const search = Object.assign(document.createElement("input"), { type: "search", placeholder: "Search items" });
const show = () => {
  const sought = search.value.toLowerCase();
  for (const row of rows) row.hidden = (status && row.className !== status) || !row.textContent.toLowerCase().includes(sought);
};
for (const name of ["", "pass", "fail", "error"]) {
  const count = name ? rows.filter((row) => row.className === name).length : rows.length;
  const button = Object.assign(document.createElement("button"), { textContent: `${name || "all"} (${count})`, ariaPressed: name === "" });
  button.addEventListener("click", () => {
    status = name;
    for (const other of tools.querySelectorAll("button")) other.ariaPressed = other === button;
    show();
  });
  tools.append(button);
}
search.addEventListener("input", show);
tools.append(search);
