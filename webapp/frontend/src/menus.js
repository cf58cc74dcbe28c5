// The bar's <details> menus close on Escape and on a click elsewhere.
export function followMenus() {
  const menus = [...document.querySelectorAll("details.bar__menu")];
  document.addEventListener("click", (event) => {
    for (const menu of menus) if (menu.open && !menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of menus.filter((each) => each.open)) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
