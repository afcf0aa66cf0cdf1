// What a book message costs as the work around it grows: ours against itself.
#include "bench/questions/books.hpp"

namespace havklo::bench {
namespace {

// Frames of the seeded market, the same number whatever the size; one a read.
Measured seeded(const Run& run, std::vector<std::string> symbols, uint32_t depth) {
  constexpr size_t updates = 20'000;
  const size_t wanted = symbols.size() + (run.tiny ? 200 : updates);
  Frames frames;
  for (int64_t ms = 100; frames.texts.size() < wanted; ms *= 2) {
    frames = made_frames(symbols, depth, Duration::milliseconds(ms));
  }
  frames.texts.resize(wanted);
  const auto reads = reads_of(frames.texts, 1);
  FeedWorld world(frames);
  // The snapshots are taken once; their part of the cost would grow with the size by itself.
  const std::vector<std::vector<std::byte>> snapshots(
      reads.begin(), reads.begin() + static_cast<ptrdiff_t>(symbols.size()));
  const std::vector<std::vector<std::byte>> updates_only(
      reads.begin() + static_cast<ptrdiff_t>(symbols.size()), reads.end());
  std::vector<double> costs;
  bool right = true;
  for (int pass = 0; pass < (run.tiny ? 1 : 5); ++pass) {
    right = verified_pass(world, snapshots, snapshots.size()) && right;
    const double begin = thread_cpu_ns();
    right = verified_pass(world, updates_only, updates_only.size()) && right;
    costs.push_back((thread_cpu_ns() - begin) / static_cast<double>(updates_only.size()));
  }
  if (!right) return std::unexpected("a checksum did not verify");
  return Figure{.value = median(costs), .percentiles = {}};
}

Measured symbols(const Run& run) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < run.size; ++i) names.push_back("S" + std::to_string(i) + "/USD");
  return seeded(run, std::move(names), 10);
}

Measured depth(const Run& run) {
  return seeded(run, {"BTC/USD", "ETH/USD"}, static_cast<uint32_t>(run.size));
}

const Growth grow_symbols("grow_symbols", symbols, {1, 10, 100, 1'000});
const Growth grow_depth("grow_depth", depth, {10, 25, 100, 500, 1'000});

}  // namespace
}  // namespace havklo::bench
