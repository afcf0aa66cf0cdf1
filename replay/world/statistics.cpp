// Adding up, and a table.
#include "replay/world/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <numeric>
#include <span>
#include <tuple>

#include "replay/text/counted.hpp"

namespace havklo::replay {

void SweepStatistics::add(uint64_t seed, const SimulationResult& result) {
  ++worlds;
  closed += result.closed;
  outages += result.outages;
  losses += result.losses;
  attempts += result.attempts;
  repairs += result.repairs;
  books_verified += result.books_verified;
  turns += result.turns;
  events += result.events;
  virtual_ns += static_cast<uint64_t>(result.virtual_time.ns);
  digest += std::rotl(result.digest ^ seed, 17) * 0x9E3779B97F4A7C15U;
  for (size_t state = 0; state < sometime_count; ++state) reached[state] += result.reached[state];
  figures.add(result.figures);
  recovery_ms.add(static_cast<uint64_t>(result.recovery.ns / 1'000'000));
  if (result.breach) {
    failures.push_back(
        {seed, std::string(to_string(result.breach->invariant)), result.breach->what});
  }
}

void SweepStatistics::add(const SweepStatistics& other) {
  const bool first = worlds == 0 && shards.empty();
  first_seed = first ? other.first_seed : std::min(first_seed, other.first_seed);
  last_seed = std::max(last_seed, other.last_seed);
  shards.insert(shards.end(), other.shards.begin(), other.shards.end());
  for (const NamedCount& each : sweep_counts()) this->*each.value += other.*each.value;
  for (size_t state = 0; state < sometime_count; ++state) reached[state] += other.reached[state];
  drawn = drawn && other.drawn;
  figures.add(other.figures);
  recovery_ms.add(other.recovery_ms);
  failures.insert(failures.end(), other.failures.begin(), other.failures.end());
  std::ranges::stable_sort(failures, {}, &SweepFailure::seed);
}

const std::vector<NamedCount>& sweep_counts() {
  using S = SweepStatistics;
  static const std::vector<NamedCount> counts = {{"worlds", &S::worlds},
                                                 {"closed", &S::closed},
                                                 {"outages", &S::outages},
                                                 {"losses", &S::losses},
                                                 {"attempts", &S::attempts},
                                                 {"repairs", &S::repairs},
                                                 {"books_verified", &S::books_verified},
                                                 {"turns", &S::turns},
                                                 {"events", &S::events},
                                                 {"virtual_ns", &S::virtual_ns},
                                                 {"cpu_ns", &S::cpu_ns},
                                                 {"digest", &S::digest}};
  return counts;
}

const std::vector<NamedHistogram>& sweep_histograms() {
  using S = SweepStatistics;
  static const std::vector<NamedHistogram> histograms = {
      {"time_to_all_clear_ms", "Outage: from the loss to the all clear, ms",
       [](S& s) -> Histogram& { return s.figures.time_to_all_clear_ms; }},
      {"attempts", "Outage: attempts to connect",
       [](S& s) -> Histogram& { return s.figures.attempts; }},
      {"trips", "Outage: trips of the circuit breaker",
       [](S& s) -> Histogram& { return s.figures.trips; }},
      {"recovery_ms", "World: from the healing until everybody is Live, ms",
       [](S& s) -> Histogram& { return s.recovery_ms; }},
      {"first_all_clear_ms", "Session: from the start to the first all clear, ms",
       [](S& s) -> Histogram& { return s.figures.first_all_clear_ms; }},
      {"uptime_ms", "Connection: uptime, ms",
       [](S& s) -> Histogram& { return s.figures.uptime_ms; }}};
  return histograms;
}

namespace {

std::string counted_losses(uint64_t count) {
  return std::to_string(count) + (count == 1 ? " loss" : " losses");
}

std::string name_of(const SweepShard& shard) {
  return fmt::format("shard {}/{} of seeds {}..{}", shard.index, shard.count, shard.first,
                     shard.last);
}

// Some seed has both remainders, and their ranges meet.
bool overlap(const SweepShard& one, const SweepShard& other) {
  if (one.first > other.last || other.first > one.last) return false;
  const uint64_t both = std::gcd(one.count, other.count);
  return one.index % both == other.index % both;
}

// The states that these worlds could reach: those of legs only where there were any.
size_t states_in_reach(const SweepStatistics& statistics) {
  constexpr auto first_of_legs = static_cast<size_t>(Sometime::leg_reconciles);
  const auto of_legs = std::span(statistics.reached).subspan(first_of_legs);
  const bool had_legs = std::ranges::any_of(of_legs, [](uint64_t count) { return count != 0; });
  return had_legs ? sometime_count : first_of_legs;
}

// Four to a line, in the order of their list.
void append_reached(std::string& out, const SweepStatistics& statistics) {
  const size_t states = states_in_reach(statistics);
  const auto reached = std::span(statistics.reached).first(states);
  const auto met = states - static_cast<size_t>(std::ranges::count(reached, 0U));
  fmt::format_to(std::back_inserter(out), "{} of {} states reached; in so many worlds:\n", met,
                 states);
  constexpr size_t columns = 4;
  for (size_t state = 0; state < states; ++state) {
    const bool last = state % columns == columns - 1 || state + 1 == states;
    fmt::format_to(std::back_inserter(out), "{:>7} {:<{}}{}", statistics.reached[state],
                   to_string(static_cast<Sometime>(state)), last ? 0 : 31, last ? "\n" : "");
  }
}

}  // namespace

std::string never_reached(const SweepStatistics& statistics) {
  std::string out;
  for (size_t state = 0; state < states_in_reach(statistics); ++state) {
    if (statistics.reached[state] != 0) continue;
    out += out.empty() ? fmt::format("never in {}: ", counted(statistics.worlds, "world")) : ", ";
    out += to_string(static_cast<Sometime>(state));
  }
  return out;
}

std::string shared_shard(const SweepStatistics& one, const SweepStatistics& other) {
  for (const SweepShard& mine : one.shards) {
    for (const SweepShard& its : other.shards) {
      if (mine == its) return name_of(mine) + " is there twice";
      if (overlap(mine, its)) return name_of(mine) + " and " + name_of(its) + " overlap";
    }
  }
  return "";
}

std::string not_whole(const SweepStatistics& statistics) {
  const uint64_t seeds = statistics.last_seed - statistics.first_seed + 1;
  if (statistics.worlds == seeds) return "";
  return fmt::format(
      "{} of {}: {}", statistics.worlds, counted(seeds, "world"),
      statistics.worlds < seeds ? "the sweep is not whole" : "a shard is there twice");
}

std::vector<SweepShard> joined(std::vector<SweepShard> shards) {
  const auto sweep = [](const SweepShard& each) {
    return std::tuple(each.first, each.last, each.count);
  };
  std::ranges::sort(shards, {}, [&](const SweepShard& each) {
    return std::tuple_cat(sweep(each), std::tuple(each.index));
  });
  std::vector<SweepShard> out;
  for (auto from = shards.begin(); from != shards.end();) {
    const auto to = std::find_if(
        from, shards.end(), [&](const SweepShard& each) { return sweep(each) != sweep(*from); });
    if (static_cast<uint64_t>(to - from) == from->count) {
      out.push_back({from->first, from->last, 0, 1});
    } else {
      out.insert(out.end(), from, to);
    }
    from = to;
  }
  return out;
}

std::string to_table(const SweepStatistics& given) {
  SweepStatistics statistics = given;
  const double seconds = std::max(1e-9, static_cast<double>(statistics.cpu_ns) * 1e-9);
  const double virtual_seconds = static_cast<double>(statistics.virtual_ns) * 1e-9;
  std::string out = fmt::format(
      "{} (seeds {}..{}), {} failing; digest {:016x}\n"
      "{:.0f} s of virtual time in {:.1f} core-seconds: {:.0f} : 1; {:.0f} losses of a connection "
      "or attempt per second and core\n"
      "{}, {}, {}, {} of a book, {} verified, {}\n",
      counted(statistics.worlds, "world"), statistics.first_seed, statistics.last_seed,
      statistics.failures.size(), statistics.digest, virtual_seconds, seconds,
      virtual_seconds / seconds, static_cast<double>(statistics.losses) / seconds,
      counted(statistics.outages, "outage"), counted_losses(statistics.losses),
      counted(statistics.attempts, "attempt"), counted(statistics.repairs, "repair"),
      counted(statistics.books_verified, "book message"), counted(statistics.events, "event"));
  fmt::format_to(std::back_inserter(out), "{:<52} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "", "count",
                 "p50", "p90", "p99", "max");
  for (const NamedHistogram& each : sweep_histograms()) {
    const Histogram& histogram = each.get(statistics);
    fmt::format_to(std::back_inserter(out), "{:<52} {:>9} {:>9} {:>9} {:>9} {:>9}\n", each.title,
                   histogram.count(), histogram.quantile(0.5), histogram.quantile(0.9),
                   histogram.quantile(0.99), histogram.quantile(1.0));
  }
  append_reached(out, statistics);
  for (const SweepFailure& each : statistics.failures) {
    fmt::format_to(std::back_inserter(out), "seed {}: {}: {}\n", each.seed, each.invariant,
                   each.what);
  }
  return out;
}

}  // namespace havklo::replay
