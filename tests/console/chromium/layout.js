// What is wrong with how a page looks. Evaluates to a function; each finding is a sentence.
() => {
  const findings = [];
  const say = (what, element) => findings.push(`${what}: ${describe(element)}`);
  const describe = (element) => {
    const text = (element.innerText ?? element.textContent ?? "").trim().replace(/\s+/g, " ").slice(0, 60);
    const classes = [...element.classList].map((name) => `.${name}`).join("");
    return `<${element.localName}${element.id ? `#${element.id}` : ""}${classes}> “${text}”`;
  };
  const style = (element) => getComputedStyle(element);
  const shown = (element) => {
    const box = element.getBoundingClientRect();
    // Whatever is one pixel large is for screen readers.
    return box.width > 1 && box.height > 1 && element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  const forReadersAlone = (element) => {
    for (let outer = element; outer; outer = outer.parentElement) {
      if (outer.matches("[hidden], template") || style(outer).clipPath === "inset(50%)") return true;
    }
    return false;
  };
  const scrolls = (element) => {
    for (let outer = element; outer; outer = outer.parentElement) {
      if (["auto", "scroll"].includes(style(outer).overflowX) && outer !== document.documentElement) return true;
    }
    return false;
  };
  const elements = [...document.body.querySelectorAll("*")].filter((one) => shown(one) && !forReadersAlone(one));
  const hasOwnText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());

  // What ends in “…” may do so where the page says it in full, too.
  const isWholeElsewhere = (element) =>
    style(element).textOverflow === "ellipsis" &&
    document.body.textContent.split(element.textContent.trim()).length > 2;

  if (document.scrollingElement.scrollWidth > innerWidth) {
    const widest = elements.filter((one) => !scrolls(one) && one.getBoundingClientRect().right > innerWidth + 1);
    say(`the page is ${document.scrollingElement.scrollWidth} px wide on ${innerWidth}`, widest.at(-1) ?? document.body);
  }

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const holder = node.parentElement;
    if (!node.data.trim() || !shown(holder) || forReadersAlone(holder)) continue;
    // Of a time window, in a text of its own, both times stand on one line.
    for (const word of node.data.matchAll(/[\uAC00-\uD7A3]{2,}|(?<=^\s*)\d\d:\d\d[–-]\d\d:\d\d(?=\s*$)/g)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const lines = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
      if (lines.size > 1) say(`“${word[0]}” is split into ${lines.size} lines`, holder);
    }
  }

  for (const element of elements.filter(hasOwnText)) {
    const { overflowX, display, fontSize } = style(element);
    const slack = parseFloat(fontSize) / 4;
    if (display !== "inline" && overflowX !== "auto" && overflowX !== "scroll" && !isWholeElsewhere(element)) {
      if (element.scrollWidth > element.clientWidth + 1) say("text is wider than its box", element);
      if (element.scrollHeight > element.clientHeight + slack) say("text is higher than its box", element);
    }
    if (scrolls(element)) continue;
    for (const node of element.childNodes) {
      if (node.nodeType !== 3 || !node.data.trim()) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const boxes = [...range.getClientRects()];
      if (boxes.some((box) => box.left < -1 || box.right > innerWidth + 1)) say("text is beyond the page", element);
    }
  }

  const targets = elements.filter((one) => one.matches("a[href], button, input:not([type=hidden]), select, textarea, summary"));
  const boxesOf = (element) => [...element.getClientRects()];
  for (const [index, one] of targets.entries()) {
    for (const other of targets.slice(index + 1)) {
      if (one.contains(other) || other.contains(one)) continue;
      const overlap = boxesOf(one).some((a) => boxesOf(other).some((b) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 2));
      if (overlap && style(one).position !== "fixed" && style(other).position !== "fixed") say(`overlaps ${describe(other)}`, one);
    }
  }

  for (const list of document.body.querySelectorAll("ul, ol, dl, tbody, [role=list]")) {
    if (!forReadersAlone(list) && list.children.length === 0) say("an empty list without a sentence", list);
  }
  if (!(document.querySelector("main")?.innerText ?? "").trim()) say("nothing is on the page", document.body);
  return [...new Set(findings)];
}
