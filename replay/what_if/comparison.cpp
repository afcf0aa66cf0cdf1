// Two runs of the model, laid beside the recording.
#include "replay/what_if/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <havklo/engine.hpp>
#include <set>

#include "replay/playback/recorded_room.hpp"
#include "replay/recording/redaction/credentials.hpp"
#include "replay/text/event.hpp"

namespace havklo::replay {
namespace {

// The recorded commands, each at its instant, in a turn of its own behind what else came then.
class RecordedCommandsInTime final : public CommandDoor {
 public:
  RecordedCommandsInTime(const ObservedNetwork& network, ManualClock& clock)
      : all_(network.commands), clock_(clock) {}
  [[nodiscard]] const Command* peek() override {
    if (next() > clock_.now() || (next() == clock_.now() && last_turn != next())) return nullptr;
    return &all_[taken_].second;
  }
  void pop() override { ++taken_; }
  Instant last_turn = Instant::never();
  [[nodiscard]] Instant next() const {
    return taken_ == all_.size() ? Instant::never() : all_[taken_].first;
  }

 private:
  const std::vector<std::pair<Instant, Command>>& all_;
  ManualClock& clock_;
  size_t taken_ = 0;
};

// The outages of one side that fall into one stretch of time, as one.
struct Stretch {
  std::vector<const Outage*> outages;
  [[nodiscard]] bool empty() const { return outages.empty(); }
  [[nodiscard]] std::optional<int64_t> sum(const std::function<int64_t(const Outage&)>& of) const {
    if (empty()) return std::nullopt;
    int64_t total = 0;
    for (const Outage* each : outages) total += of(*each);
    return total;
  }
  [[nodiscard]] std::optional<int64_t> since_begin(
      const std::function<std::optional<Instant>(const Outage&)>& of, bool of_last) const {
    if (empty()) return std::nullopt;
    const auto at = of(of_last ? *outages.back() : *outages.front());
    if (!at) return std::nullopt;
    return (*at - outages.front()->begin).ns;
  }
};

struct Span {
  Instant begin;
  Instant end;
};

// Outages of all runs, joined where they overlap.
std::vector<Span> joined(const std::vector<const OutageFigures*>& runs) {
  std::vector<Span> spans;
  for (const OutageFigures* run : runs) {
    for (const Outage& each : run->outages) spans.push_back({each.begin, each.end(run->last)});
  }
  std::ranges::sort(spans, {}, &Span::begin);
  std::vector<Span> whole;
  for (const Span& span : spans) {
    if (whole.empty() || span.begin > whole.back().end) {
      whole.push_back(span);
    } else {
      whole.back().end = std::max(whole.back().end, span.end);
    }
  }
  return whole;
}

Stretch within(const OutageFigures& figures, const Span& span) {
  Stretch stretch;
  auto each = std::ranges::lower_bound(figures.outages, span.begin, {}, &Outage::begin);
  for (; each != figures.outages.end() && each->begin <= span.end; ++each) {
    stretch.outages.push_back(&*each);
  }
  return stretch;
}

bool any_within(const std::vector<Instant>& instants, const Span& span) {
  const auto first = std::ranges::lower_bound(instants, span.begin);
  return first != instants.end() && *first <= span.end;
}

// The recorded value, and the model's under both assumptions.
class Columns {
 public:
  Columns(const Stretch& recorded, const Stretch& last, const Stretch& next, bool assumed)
      : recorded_(recorded), last_(last), next_(next), assumed_(assumed) {}

  template <class Of>
  [[nodiscard]] Figure figure(Of&& of) const {
    Figure figure{.recorded = of(recorded_)};
    const auto last = of_model(of, last_);
    const auto next = of_model(of, next_);
    // What did not come about is later than anything that did.
    figure.low = last && next ? std::min(last, next) : (last ? last : next);
    figure.high = last && next ? std::max(last, next) : std::nullopt;
    figure.assumed = assumed_;
    return figure;
  }

 private:
  // An outage that only the other assumption makes: nothing was lost.
  template <class Of>
  [[nodiscard]] std::optional<int64_t> of_model(Of&& of, const Stretch& run) const {
    const bool only_the_other = run.empty() && !(last_.empty() && next_.empty());
    return only_the_other ? 0 : of(run);
  }

  const Stretch& recorded_;
  const Stretch& last_;
  const Stretch& next_;
  bool assumed_;
};

OutageComparison compare_span(const Span& span, const ObservedNetwork& network,
                              const ModelRun& last, const ModelRun& next) {
  const Stretch recorded = within(network.recorded, span);
  const Stretch by_last = within(last.figures, span);
  const Stretch by_next = within(next.figures, span);
  const auto assumes = [&span](const Assumptions& of) {
    return any_within(of.attempts, span) || any_within(of.feed, span) ||
           any_within(of.answers, span);
  };
  const Columns columns(recorded, by_last, by_next,
                        assumes(last.assumptions) || assumes(next.assumptions));
  OutageComparison out{.begin = span.begin,
                       .end = span.end,
                       .in_recording = !recorded.empty(),
                       .in_model = !by_last.empty() || !by_next.empty()};
  const Stretch& first = recorded.empty() ? (by_last.empty() ? by_next : by_last) : recorded;
  out.reason = first.outages.front()->reason;
  out.recorded_count = static_cast<uint32_t>(recorded.outages.size());
  out.model_count = static_cast<uint32_t>(std::max(by_last.outages.size(), by_next.outages.size()));
  out.attempts = columns.figure([](const Stretch& of) {
    return of.sum([](const Outage& each) { return static_cast<int64_t>(each.attempts.size()); });
  });
  out.trips = columns.figure([](const Stretch& of) {
    return of.sum([](const Outage& each) { return int64_t{each.trips}; });
  });
  out.first_connect_ns = columns.figure([](const Stretch& of) {
    return of.since_begin([](const Outage& each) { return each.first_connect; }, false);
  });
  out.all_clear_ns = columns.figure([](const Stretch& of) {
    return of.since_begin([](const Outage& each) { return each.all_clear; }, true);
  });
  const auto most = [](const Stretch& of, const OutageFigures& figures) -> std::optional<int64_t> {
    if (of.empty()) return std::nullopt;
    uint32_t count = 0;
    for (const Outage* each : of.outages) {
      count = std::max(count, figures.attempts_in_ten_minutes(*each, figures.last));
    }
    return count;
  };
  out.attempts_in_ten_minutes = columns.figure([&](const Stretch& of) {
    if (&of == &recorded) return most(of, network.recorded);
    return most(of, &of == &by_last ? last.figures : next.figures);
  });
  std::set<std::string> symbols;
  for (const Stretch* each : {&recorded, &by_last, &by_next}) {
    for (const Outage* outage : each->outages) {
      for (const auto& [symbol, lost] : outage->books_lost) symbols.insert(symbol);
    }
  }
  for (const std::string& symbol : symbols) {
    out.books_lost_ns.emplace_back(symbol, columns.figure([&symbol](const Stretch& of) {
      return of.sum([&symbol](const Outage& each) {
        const auto found = each.books_lost.find(symbol);
        return found == each.books_lost.end() ? 0 : found->second.ns;
      });
    }));
  }
  return out;
}

}  // namespace

namespace {

// A recording has its urls without credentials; the file that made it has them. False: another.
bool take_recorded_urls(Settings& settings, const Settings& recorded) {
  bool same = true;
  for (uint32_t leg = 0; leg < settings.legs.size(); ++leg) {
    same = same &&
           without_credentials(url_of(settings, leg)) == without_credentials(url_of(recorded, leg));
  }
  settings.url = recorded.url;
  for (size_t leg = 0; leg < settings.legs.size(); ++leg) {
    settings.legs[leg].url = recorded.legs[leg].url;
  }
  return same;
}

}  // namespace

std::expected<Settings, std::string> other_settings(const Settings& recorded, std::string_view toml,
                                                    std::string_view source) {
  Settings base = recorded;
  base.subscriptions.clear();
  auto settings = settings_from_toml(toml, source, base);
  if (!settings) return settings;
  if (settings->legs.size() != recorded.legs.size()) {
    return std::unexpected(fmt::format(
        "{}: legs = {}: the recording is of {}, and nobody saw what another connection would have "
        "brought, and when: leave it out",
        source, settings->legs.size(), recorded.legs.size()));
  }
  const bool other_url = !take_recorded_urls(*settings, recorded);
  if (settings->subscriptions.empty()) settings->subscriptions = recorded.subscriptions;
  const auto same = [](const SubscriptionSettings& a, const SubscriptionSettings& b) {
    return a.channel == b.channel && a.symbols == b.symbols && parameter_of(a) == parameter_of(b);
  };
  const bool other_subscriptions =
      !std::ranges::equal(settings->subscriptions, recorded.subscriptions, same);
  if (other_url || other_subscriptions) {
    return std::unexpected(std::string(source) + ": another " +
                           (other_url ? "url" : "subscription") +
                           " than the recording's, which knows nothing of it: leave it out");
  }
  if (auto valid = validate(*settings); !valid) {
    return std::unexpected(std::string(source) + ": " + valid.error().message());
  }
  return settings;
}

ModelRun run_model(const ObservedNetwork& network, const Settings& settings, Assume assume) {
  ManualClock clock(network.first_turn);
  ObservedTransport transport(network, assume);
  RecordedCommandsInTime commands(network, clock);
  RecordedRoom events(settings.ring_slots);
  events.room = settings.ring_slots;
  const uint64_t seed = settings.seed.value_or(network.header.seed);
  Engine engine(std::span(&settings, 1), {clock, transport, commands, events, nullptr, seed});
  OutageMeter meter(network.first_turn);
  std::optional<Instant> given_up;
  for (uint64_t turns = 0;; ++turns) {
    if (turns == model_turns_max(network.turns)) {
      given_up = clock.now();
      break;
    }
    clock.set_utc_offset(network.utc_offset_at(clock.now()));
    const TurnResult turn = engine.turn();
    commands.last_turn = turn.now;
    for (const Event& event : events.events()) meter.add(event, engine.names());
    Instant next = std::min({engine.next_deadline(), transport.next_deadline(), commands.next()});
    if (turn.more_due) next = clock.now();
    next = network.awake_from(std::max(clock.now(), next));
    if (engine.closed() || next > network.last_turn) break;
    clock.set(next);
    transport.advance_to(clock.now());
  }
  return {.figures = meter.finish(network.last_turn),
          .assumptions = transport.assumptions(),
          .given_up = given_up};
}

namespace {

using BookFigure = std::pair<std::string, Figure>;

template <class F>
void for_each_figure(OutageComparison& outage, F&& f) {
  f(outage.attempts);
  f(outage.trips);
  f(outage.first_connect_ns);
  f(outage.all_clear_ns);
  f(outage.attempts_in_ten_minutes);
  for (auto& [symbol, lost] : outage.books_lost_ns) f(lost);
}

// An instant by the model may be a tick of the timer wheel off, an end of a stream a nanosecond.
constexpr int64_t same_time_ns = 1'000'000;

bool comes_back(const Figure& figure, int64_t within) {
  if (figure.recorded.has_value() != figure.low.has_value()) return false;
  if (figure.low.has_value() != figure.high.has_value()) return false;
  if (!figure.recorded) return true;
  return std::abs(*figure.low - *figure.recorded) <= within &&
         std::abs(*figure.high - *figure.recorded) <= within;
}

bool comes_back(const OutageComparison& outage) {
  return outage.in_recording && outage.in_model && comes_back(outage.attempts, 0) &&
         comes_back(outage.trips, 0) && comes_back(outage.attempts_in_ten_minutes, 0) &&
         comes_back(outage.first_connect_ns, same_time_ns) &&
         comes_back(outage.all_clear_ns, same_time_ns) &&
         std::ranges::all_of(outage.books_lost_ns, [](const auto& book) {
           return comes_back(book.second, same_time_ns);
         });
}

// The recording beside two runs of the model.
WhatIf lay_beside(const ObservedNetwork& network, const ModelRun& last, const ModelRun& next) {
  WhatIf out;
  out.first_turn = network.first_turn;
  for (const Span& span : joined({&network.recorded, &last.figures, &next.figures})) {
    out.outages.push_back(compare_span(span, network, last, next));
  }
  std::set<std::string> symbols;
  for (const OutageFigures* each : {&network.recorded, &last.figures, &next.figures}) {
    for (const auto& [symbol, lost] : each->repairs) symbols.insert(symbol);
  }
  // Which of the books given out, or of the answers, a repair rests on is not followed up.
  const auto assumes = [](const Assumptions& of) {
    return !of.feed.empty() || !of.answers.empty();
  };
  const bool assumed = assumes(last.assumptions) || assumes(next.assumptions);
  for (const std::string& symbol : symbols) {
    const auto of = [&symbol](const OutageFigures& figures) {
      const auto found = figures.repairs.find(symbol);
      return found == figures.repairs.end() ? 0 : found->second.ns;
    };
    const auto [low, high] = std::minmax({of(last.figures), of(next.figures)});
    out.repairs_ns.emplace_back(
        symbol,
        Figure{.recorded = of(network.recorded), .low = low, .high = high, .assumed = assumed});
  }
  const auto larger = [&](const std::vector<Instant> Assumptions::*of) {
    return std::max((last.assumptions.*of).size(), (next.assumptions.*of).size());
  };
  out.attempts = std::max(last.figures.attempts, next.figures.attempts);
  out.assumed_attempts = larger(&Assumptions::attempts);
  out.disputed_attempts = larger(&Assumptions::disputed);
  out.assumed_books = larger(&Assumptions::feed);
  out.assumed_answers = larger(&Assumptions::answers);
  return out;
}

// Marks what the model does not give back even with the recorded settings.
void mark_doubts(WhatIf& what_if, const WhatIf& with_recorded_settings) {
  for (const OutageComparison& each : with_recorded_settings.outages) {
    if (comes_back(each)) continue;
    auto outage = std::ranges::lower_bound(what_if.outages, each.begin, {}, &OutageComparison::end);
    for (; outage != what_if.outages.end() && outage->begin <= each.end; ++outage) {
      if (!outage->doubted) ++what_if.doubted;
      outage->doubted = true;
      for_each_figure(*outage, [](Figure& figure) { figure.assumed = true; });
    }
  }
  for (const auto& [symbol, figure] : with_recorded_settings.repairs_ns) {
    if (comes_back(figure, same_time_ns)) continue;
    const auto repair = std::ranges::find(what_if.repairs_ns, symbol, &BookFigure::first);
    if (repair == what_if.repairs_ns.end()) continue;
    ++what_if.doubted;
    repair->second.assumed = true;
  }
}

// Under both assumptions; nothing but why not when one of them does not come to its end.
WhatIf compare_with(const ObservedNetwork& network, const Settings& settings) {
  const ModelRun last = run_model(network, settings, Assume::last);
  const ModelRun next = last.given_up ? ModelRun{} : run_model(network, settings, Assume::next);
  const auto given_up = last.given_up ? last.given_up : next.given_up;
  if (!given_up) return lay_beside(network, last, next);
  return {.unfinished = fmt::format(
              "these settings ask for more than {} turns of the model, {} into a recording of {}",
              model_turns_max(network.turns), readable(*given_up - network.first_turn),
              readable(network.last_turn - network.first_turn))};
}

}  // namespace

WhatIf compare(const ObservedNetwork& network, const Settings& settings) {
  const Settings& recorded = network.header.settings;
  const WhatIf given_back = compare_with(network, recorded);
  WhatIf what_if = given_back;
  if (!settings_changed(recorded, settings).empty() && given_back.unfinished.empty()) {
    what_if = compare_with(network, settings);
  }
  if (!what_if.unfinished.empty()) return what_if;
  mark_doubts(what_if, given_back);
  return what_if;
}

}  // namespace havklo::replay
