// What the theme leaves out for people who use a keyboard or a screen reader.
window.addEventListener("load", () => {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container, .result, .text_html.output"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  for (const fold of document.querySelectorAll("summary"))
    if (!fold.textContent.trim()) fold.setAttribute("aria-label", "Show or hide the pages below this one");
  for (const button of document.querySelectorAll(".search-button__button")) // its name holds the words that are seen
    if (button.textContent.trim()) button.setAttribute("aria-label", button.textContent.replace(/\s+/g, " ").trim());
});
