// The next digest under the settings as they stand in the form, asked for while somebody types; never saved.
// Without this script the form's second button does the same.
"use strict";
{
  const PAUSE = 600; // milliseconds without typing, until it is asked for
  const sight = document.querySelector(".sight");
  const form = document.querySelector(".beside > form");
  const button = form?.querySelector("[formaction]");
  const told = sight?.querySelector("[role=status]");
  let waiting, asked;

  const answered = async (answer) => {
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const made = page.querySelector(".sight");
    if (!answer.ok || !made) {
      told.textContent = (page.querySelector(".problem > span") ?? page.querySelector("main > p")).textContent;
      return;
    }
    const [before, after] = [sight, made].map((one) => one.querySelector(".frame"));
    told.textContent = made.querySelector("[role=status]").textContent;
    if (before.innerHTML !== after.innerHTML) before.replaceChildren(...after.children);
  };

  const preview = async () => {
    clearTimeout(waiting);
    asked?.abort();
    const mine = (asked = new AbortController());
    sight.setAttribute("aria-busy", "true");
    told.textContent = sight.dataset.asking;
    try {
      await answered(await fetch(button.formAction, { method: "POST", body: new FormData(form), signal: mine.signal }));
    } catch {
      if (mine === asked) told.textContent = sight.dataset.failed;
    }
    if (mine === asked) sight.removeAttribute("aria-busy");
  };

  if (sight && button) {
    form.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(preview, PAUSE);
    });
    form.addEventListener("submit", (event) => {
      clearTimeout(waiting);
      if (event.submitter !== button) return;
      event.preventDefault();
      preview();
      sight.scrollIntoView();
    });
  }
}
