#include "reports/explain_page.h"

#include "base/json.h"
#include "explain_page.css.h"
#include "explain_page.js.h"
#include "reports/page.h"

namespace nntune::reports {
namespace {

/// The frame; the script fills it.
constexpr std::string_view kBody = R"html(<header>
<h1 id="title"></h1>
<button id="theme" type="button" title="light or dark"></button>
<p id="summary" class="faint small"></p>
<nav aria-label="parts of this page"><a href="#program">Program</a><a href="#egraph">E-graph</a><a href="#layouts">Layouts</a><a href="#rules">Rules</a></nav>
</header>
<noscript><p>This page is drawn by its script; the same facts as text: <code>nntune explain</code>.</p></noscript>
<main>
<section id="program" aria-labelledby="program-title">
<h2 id="program-title">Program</h2>
<div id="phases" role="tablist" aria-label="phase"></div>
<div class="split"><div id="kernels" role="tabpanel"></div><div id="choice" aria-live="polite"></div></div>
</section>
<section id="egraph" aria-labelledby="egraph-title">
<h2 id="egraph-title">E-graph</h2>
<p id="egraph-summary" class="faint small"></p>
<div id="tools">
<input id="search" type="search" placeholder="search: matmul 3072, class 120 …" aria-label="search classes" autocomplete="off">
<button id="back" type="button">Back</button>
<button id="near" type="button" aria-pressed="true">Neighbours</button>
<button id="whole" type="button" aria-pressed="false">Chosen, whole section</button>
<span class="zoom"><button id="smaller" type="button" aria-label="smaller">−</button><button id="larger" type="button" aria-label="larger">+</button><button id="fit" type="button">Fit</button></span>
</div>
<ul id="found" aria-label="classes found" hidden></ul>
<div class="split"><svg id="drawing" tabindex="0" role="group" aria-label="drawing of the e-graph: arrow keys move it, plus and minus zoom"></svg><div id="class" aria-live="polite"></div></div>
<p class="faint small">Drag or arrow keys move, Ctrl + wheel or + and − zoom; a class (box) or Enter on it walks there. ● chosen, ○ possible, × no kernel, · computed ahead of time.</p>
</section>
<section id="layouts" aria-labelledby="layouts-title"><h2 id="layouts-title">Layouts of stored matrices and states</h2></section>
<section id="rules" aria-labelledby="rules-title"><h2 id="rules-title">Rules</h2></section>
</main>)html";

}  // namespace

std::string explain_page(const Json& facts, const Json& egraph) {
  return render({.title = "nntune: " + facts.value("model", std::string("program")),
                 .body = std::string(kBody),
                 .data = {{"facts", facts}, {"egraph", egraph}},
                 .style = kExplainPageCss,
                 .script = kExplainPageJs});
}

}  // namespace nntune::reports
