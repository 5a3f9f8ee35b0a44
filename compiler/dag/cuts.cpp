#include "compiler/dag/cuts.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <set>

#include "compiler/dag/components.h"
#include "compiler/dag/landmarks.h"
#include "compiler/dag/loop_cuts.h"

namespace nntune::dag {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kZero = 1e-7;

Row one_of(const std::vector<std::uint32_t>& landmark) {
  Row row;
  row.lower = 1;
  for (const std::uint32_t n : landmark) row.add(n, 1);
  return row;
}

/// More at a time would slow the next solution down more than they help.
constexpr std::size_t kMostRows = 1500;

}  // namespace

Cuts::Cuts(const ExtractionInstance& instance)
    : instance_(instance), needs_(instance), forced_(instance.class_count(), false), component_(components(instance)) {
  std::vector<std::uint32_t> sizes(instance.class_count(), 0);
  for (const std::uint32_t c : component_) ++sizes[c];
  for (const std::uint32_t size : sizes) cyclic_.push_back(size > 1);
  for (const std::uint32_t root : instance.roots) {
    forced_[root] = true;
    for (std::uint32_t c = 0; needs_.known() && c < forced_.size(); ++c) forced_[c] = forced_[c] || needs_.needs(root, c);
  }
}

bool Cuts::node_needs(std::uint32_t node, std::uint32_t class_id) const {
  for (const std::uint32_t child : instance_.children_of(node)) {
    if (child == class_id || (needs_.known() && needs_.needs(child, class_id))) return true;
  }
  return false;
}

Row Cuts::need_row(std::uint32_t class_id, std::uint32_t needed) const {
  Row row;
  row.upper = 0;
  const std::uint32_t begin = instance_.class_begin[class_id];
  const std::uint32_t end = instance_.class_begin[class_id + 1];
  for (std::uint32_t n = begin; n < end; ++n) {
    if (node_needs(n, needed)) row.add(n, 1);
  }
  if (row.columns.size() == end - begin) {  // all of them
    row.columns.clear();
    row.values.clear();
    row.add(column_of_class(class_id), 1);
  }
  row.add(column_of_class(needed), -1);
  return row;
}

std::vector<Row> Cuts::first_rows() const {
  std::vector<Row> rows;
  std::set<std::uint32_t> children;
  for (std::uint32_t c = 0; c < instance_.class_count(); ++c) {
    Row one;
    one.lower = one.upper = 0;
    children.clear();
    for (std::uint32_t n = instance_.class_begin[c]; n < instance_.class_begin[c + 1]; ++n) {
      one.add(n, 1);
      for (const std::uint32_t child : instance_.children_of(n)) children.insert(child);
    }
    one.add(column_of_class(c), -1);
    rows.push_back(std::move(one));
    for (const std::uint32_t child : children) {
      if (!forced_[child]) rows.push_back(need_row(c, child));
    }
  }
  constexpr std::size_t kMostLandmarks = 1000;
  for (const std::vector<std::uint32_t>& landmark : find_landmarks(instance_, kMostLandmarks).sets) {
    rows.push_back(one_of(landmark));
  }
  if (instance_.limited()) {
    Row capacity;
    capacity.upper = 1 + kRounding;
    for (std::uint32_t n = 0; n < instance_.node_count(); ++n) {
      if (instance_.bytes[n] > 0) capacity.add(n, instance_.bytes[n] / std::max(instance_.capacity, 1e-300));
    }
    rows.push_back(std::move(capacity));
  }
  return rows;
}

std::vector<Row> Cuts::broken_by(std::span<const double> solution, double tolerance) {
  std::vector<Row> rows;
  broken_needs(solution, tolerance, rows);
  broken_cycles(solution, tolerance, rows);
  for (const std::vector<std::uint32_t>& landmark :
       landmarks_broken_by(instance_, solution.first(instance_.node_count()), 10 * tolerance)) {
    rows.push_back(one_of(landmark));
  }
  if (rows.size() < kMostRows) broken_loops(solution, tolerance, rows);
  return rows;
}

void Cuts::broken_needs(std::span<const double> solution, double tolerance, std::vector<Row>& rows) const {
  if (!needs_.known()) return;
  std::vector<double> together(instance_.class_count(), 0);
  std::vector<std::uint32_t> touched;
  std::vector<std::uint64_t> node_set(needs_.words());
  for (std::uint32_t c = 0; c < instance_.class_count(); ++c) {
    if (solution[column_of_class(c)] < tolerance) continue;
    for (std::uint32_t n = instance_.class_begin[c]; n < instance_.class_begin[c + 1]; ++n) {
      if (solution[n] < kZero) continue;
      std::fill(node_set.begin(), node_set.end(), 0);
      for (const std::uint32_t child : instance_.children_of(n)) {
        for (std::size_t w = 0; w < node_set.size(); ++w) node_set[w] |= needs_.row(child)[w];
      }
      for (std::size_t w = 0; w < node_set.size(); ++w) {
        for (std::uint64_t bits = node_set[w]; bits != 0; bits &= bits - 1) {
          const auto e = static_cast<std::uint32_t>(w * 64 + static_cast<std::size_t>(std::countr_zero(bits)));
          if (together[e] == 0) touched.push_back(e);
          together[e] += solution[n];
        }
      }
    }
    for (const std::uint32_t e : touched) {
      if (together[e] > solution[column_of_class(e)] + tolerance && rows.size() < kMostRows) rows.push_back(need_row(c, e));
      together[e] = 0;
    }
    touched.clear();
  }
}

void Cuts::broken_cycles(std::span<const double> solution, double tolerance, std::vector<Row>& rows) const {
  const auto classes = static_cast<std::uint32_t>(instance_.class_count());
  const auto y = [&](std::uint32_t c) { return solution[column_of_class(c)]; };
  std::vector<std::vector<Arc>> arcs(classes);
  for (std::uint32_t c = 0; c < classes; ++c) {
    if (!cyclic_[component_[c]] || y(c) < tolerance) continue;
    for (std::uint32_t n = instance_.class_begin[c]; n < instance_.class_begin[c + 1]; ++n) {
      if (solution[n] < kZero) continue;
      for (const std::uint32_t child : instance_.children_of(n)) {
        if (component_[child] != component_[c]) continue;
        const auto same = std::find_if(arcs[c].begin(), arcs[c].end(), [child](const Arc& arc) { return arc.to == child; });
        if (same == arcs[c].end()) {
          arcs[c].push_back({child, solution[n]});
        } else {
          same->weight += solution[n];
        }
      }
    }
  }
  // The shortest cycle through each class; an arc is the longer the less often it is chosen where its class is needed.
  std::set<std::vector<std::uint32_t>> known;
  std::vector<double> distance(classes, kInfinity);
  std::vector<std::uint32_t> before(classes, kNone);
  std::vector<std::uint32_t> touched;
  using Entry = std::pair<double, std::uint32_t>;
  for (std::uint32_t start = 0; start < classes && rows.size() < 2 * kMostRows; ++start) {
    if (arcs[start].empty()) continue;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    queue.push({0, start});
    double length = kInfinity;
    while (!queue.empty()) {
      const auto [at, c] = queue.top();
      queue.pop();
      if (c == start && before[start] != kNone) {
        length = at;
        break;
      }
      if (c != start && at > distance[c]) continue;
      for (const Arc& arc : arcs[c]) {
        const double there = at + std::max(0.0, y(c) - arc.weight);
        if (there >= y(start) - tolerance || there >= distance[arc.to]) continue;
        if (distance[arc.to] == kInfinity) touched.push_back(arc.to);
        distance[arc.to] = there;
        before[arc.to] = c;
        queue.push({there, arc.to});
      }
    }
    if (length < kInfinity) {
      Row row;
      row.upper = 0;
      std::vector<std::uint32_t> cycle;
      std::uint32_t to = start;
      do {
        const std::uint32_t from = before[to];
        cycle.push_back(from);
        for (std::uint32_t n = instance_.class_begin[from]; n < instance_.class_begin[from + 1]; ++n) {
          if (node_needs(n, to)) row.add(n, 1);
        }
        if (from != start) row.add(column_of_class(from), -1);
        to = from;
      } while (to != start);
      cycle.push_back(start);
      std::sort(cycle.begin(), cycle.end() - 1);
      if (known.insert(std::move(cycle)).second) rows.push_back(std::move(row));
    }
    for (const std::uint32_t c : touched) {
      distance[c] = kInfinity;
      before[c] = kNone;
    }
    touched.clear();
  }
}

void Cuts::broken_loops(std::span<const double> solution, double tolerance, std::vector<Row>& rows) const {
  const std::span<const double> needed = solution.subspan(instance_.node_count());
  std::vector<bool> member(instance_.class_count(), false);
  for (const Loop& loop :
       unsupported_loops(instance_, component_, solution.first(instance_.node_count()), needed, tolerance)) {
    for (const std::uint32_t c : loop.classes) member[c] = true;
    Row outside;
    for (const std::uint32_t c : loop.classes) {
      for (std::uint32_t n = instance_.class_begin[c]; n < instance_.class_begin[c + 1]; ++n) {
        const auto children = instance_.children_of(n);
        if (std::none_of(children.begin(), children.end(), [&](std::uint32_t child) { return member[child]; })) {
          outside.add(n, 1);
        }
      }
    }
    // For those that break it most.
    std::vector<std::uint32_t> most = loop.classes;
    std::stable_sort(most.begin(), most.end(), [&](std::uint32_t a, std::uint32_t b) { return needed[a] > needed[b]; });
    constexpr std::size_t kMostOfOne = 4;
    for (std::size_t i = 0; i < std::min(most.size(), kMostOfOne) && needed[most[i]] > loop.outside + tolerance; ++i) {
      Row row = outside;
      row.lower = 0;
      row.add(column_of_class(most[i]), -1);
      rows.push_back(std::move(row));
    }
    for (const std::uint32_t c : loop.classes) member[c] = false;
  }
}

}  // namespace nntune::dag
