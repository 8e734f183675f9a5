"""What is copied of a formula: LaTeX without the macros of this site, which says the same."""

import json
import re
import subprocess

import pytest
from conftest import ROOT, corpus, page_paths
from maths.typeset import FOLDER, NODE

MACROS = json.loads((ROOT / "docs/macros.json").read_text())
NAME = re.compile(r"\\[A-Za-z]+")
# Copy a page whole, as Control A and Control C do, and read what each formula was on the page before.
FORMULAS = """() => [...document.querySelectorAll("article .katex")].map((formula) => [
  formula.querySelector("annotation").textContent,
  formula.querySelector("math").getAttribute("display") === "block"])"""
SELECT = "() => getSelection().selectAllChildren(document.querySelector('article'))"
# KaTeX as it comes, and KaTeX with the macros of this site: the MathML of a formula by both.
RENDER = r"""
import katex from "katex";
import { readFileSync } from "node:fs";
const { formulas, macros } = JSON.parse(readFileSync(0, "utf8"));
const options = { output: "mathml", strict: "error" };
const mathml = (tex, displayMode, macros) => katex.renderToString(tex,
  { ...options, displayMode, macros: { ...macros } }).replace(/<annotation.*?<\/annotation>/s, "");
const ours = { ...macros, "\\said": "\\@secondoftwo{#1}{#2}" };
const bold = (tex) => tex.replace(/\\mathbb(?= ?\{?1)/g, "\\mathbf");
console.log(JSON.stringify(formulas.map(([tex, copied, display]) =>
  [mathml(bold(tex), display, ours), mathml(copied, display, {})])));
"""


def rendered(formulas: list) -> list[tuple[str, str]]:
    """Return the MathML of each formula (as written, as copied, displayed?): as shown, and as copied."""
    request = json.dumps({"formulas": formulas, "macros": MACROS})
    command = [NODE, "--input-type=module", "-e", RENDER]
    run = subprocess.run(command, cwd=FOLDER, input=request, capture_output=True, text=True)
    assert not run.returncode, run.stderr
    return json.loads(run.stdout)


def differences(formulas: list) -> list:
    """Return the formulas that hold a macro of ours when copied, or say something else."""
    ours = {*MACROS, r"\said"}
    return [
        formula for formula, (shown, copied) in zip(formulas, rendered(formulas), strict=True)
        if ours & set(NAME.findall(formula[1])) or shown != copied
    ]  # fmt: skip


@pytest.fixture(scope="module", params=[1280, 360])
def page(request, browser):
    """Open a window that may use the clipboard."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 800}, permissions=["clipboard-read", "clipboard-write"]
    )
    yield context.new_page()
    context.close()


def test_copied_text_holds_no_macro_of_ours(page, server):
    """A page copied whole holds each formula as any LaTeX reads it, and as the page shows it."""
    used, formulas, paths = set(), [], [path for path in page_paths() if re.match(r"q\d/[a-z]", path)]
    for path in paths if page.viewport_size["width"] > 1000 else paths[:1]:
        page.goto(server + path)
        written = page.evaluate(FORMULAS)
        page.evaluate(SELECT)
        page.keyboard.press("Control+c")
        text, copied = page.evaluate("navigator.clipboard.readText()"), page.evaluate(FORMULAS)
        assert all(tex in text for tex, _ in copied if "\n" not in tex)
        used |= {name for tex, _ in written for name in NAME.findall(tex)}
        formulas += [[tex, *after] for (tex, _), after in zip(written, copied, strict=True)]
    assert used & set(MACROS) and formulas
    assert not differences(formulas)


def test_every_macro_is_written_out(page, server):
    """Each macro, each formula of the corpus and macros in arguments of macros are copied as they show."""
    page.goto(server + "q2/b-reward-classes/")
    hard = [
        r"\said{that is}{\said{a}{\bm x}y}", r"x\given y\drawn z", r"\layer{\bm{\theta}}",
        r"\bm \pi_{\piref}", r"\bm{\{\R\}}", r"\argmax_{x\in\Z}\KL(p\relto\piold)", r"x \\\given y",
        r"\mathbb{1}[\R]", r"\layer{\theta}x",
    ]  # fmt: skip
    known = [tex for kind in corpus().values() for tex in kind if r"\href" not in tex]
    each = [f"{name} a" for name in MACROS]
    written = page.evaluate("(all) => all.map((tex) => [tex, fullMarks.plainTex(tex)])", hard + known + each)
    assert not differences([[*one, True] for one in written])
    written = dict(written)
    assert written[r"x \\\given y"] == r"x \\\mid y"
    assert written[r"\mathbb{1}[\R]"] == r"\mathbf{1}[\mathbb{R}]"
    assert written[r"x\given y\drawn z"] == r"x\mid y\sim z"
    assert written[r"\said{that is}{\said{a}{\bm x}y}"] == r"\boldsymbol{x}y"


def test_copied_formula_is_plain(page, server):
    """The button beside a formula copies it without macros of ours too."""
    page.goto(server + "q2/b-reward-classes/")
    found = page.locator(".equation-body").filter(has=page.locator("annotation", has_text="\\piref")).first
    found.locator(".katex-html").click(position={"x": 5, "y": 5})
    page.locator("button:has-text('Copy LaTeX')").locator("visible=true").first.click()
    page.locator("button:has-text('Copied')").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert r"\pi_{\mathrm{ref}}" in copied and not set(MACROS) & set(NAME.findall(copied))
