// The addresses of a name: in what order they are tried, and who runs when. Answers, greetings and
// failures in any sequence; the order is compared with the rule told a second time here, each race
// with what its header promises.
//
// Input: steps, a byte and what the step needs.
#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "addresses/addresses.hpp"
#include "addresses/race.hpp"
#include "fuzz/target.hpp"

namespace havklo::addresses_fuzz {
namespace {

using namespace havklo::literals;
using addresses::Addresses;
using addresses::AddressOrder;
using addresses::AddressRace;
using fuzz::FuzzInput;
using fuzz::require;

Endpoint endpoint_of(uint8_t number) {
  Endpoint endpoint{.port = 443, .family = (number & 1U) != 0 ? uint8_t{6} : uint8_t{4}};
  endpoint.address[3] = static_cast<uint8_t>(1 + number / 2);
  return endpoint;
}
uint8_t number_of(const Endpoint& endpoint) {
  return static_cast<uint8_t>(2 * (endpoint.address[3] - 1) + (endpoint.family == 6 ? 1 : 0));
}

// The rule (design 1.1, RFC 8305 4), over numbers: who greeted or failed when, whatever else
// happened.
class Rule {
 public:
  void learn(const std::vector<uint8_t>& answer) {
    if (answer.empty()) return;
    const std::vector<uint8_t> mixed = alternate(answer, answer.front() & 1U);
    listed_.clear();
    for (const uint8_t each : mixed) {
      if (is_listed(each) || listed_.size() == Addresses::listed_max) continue;
      listed_.push_back(each);
    }
    // What is in no answer any more is remembered as long as there is room, the latest news first.
    for (;;) {
      std::optional<uint8_t> oldest;
      size_t unlisted = 0;
      for (const auto& [number, news] : news_) {
        if (is_listed(number)) continue;
        ++unlisted;
        if (!oldest || last(number) < last(*oldest)) oldest = number;
      }
      if (unlisted <= Addresses::remembered_max) break;
      news_.erase(*oldest);
    }
  }
  void greeted(uint8_t number) {
    if (knows(number)) news_[number].greeted = ++calls_;
  }
  void failed(uint8_t number) {
    if (knows(number)) news_[number].failed = ++calls_;
  }
  [[nodiscard]] std::vector<uint8_t> order(size_t& trusted) const {
    std::map<uint64_t, uint8_t, std::greater<>> good;
    std::map<uint64_t, uint8_t> bad;
    std::vector<uint8_t> untried;
    for (const uint8_t each : listed_) {
      const auto news = news_.find(each);
      if (news == news_.end()) {
        untried.push_back(each);
      } else if (news->second.failed > news->second.greeted) {
        bad[news->second.failed] = each;
      } else {
        good[news->second.greeted] = each;
      }
    }
    std::vector<uint8_t> all;
    for (const auto& [when, each] : good) all.push_back(each);
    if (!untried.empty()) {
      const bool other = !good.empty();
      const unsigned first = other ? 1U - (all.back() & 1U) : untried.front() & 1U;
      for (const uint8_t each : alternate(untried, first)) all.push_back(each);
    }
    trusted = all.size();
    for (const auto& [when, each] : bad) all.push_back(each);
    return all;
  }

 private:
  struct News {
    uint64_t greeted = 0;
    uint64_t failed = 0;
  };
  [[nodiscard]] uint64_t last(uint8_t number) const {
    const News& news = news_.at(number);
    return std::max(news.greeted, news.failed);
  }
  [[nodiscard]] bool is_listed(uint8_t number) const {
    return std::ranges::find(listed_, number) != listed_.end();
  }
  [[nodiscard]] bool knows(uint8_t number) const {
    return is_listed(number) || news_.contains(number);
  }
  static std::vector<uint8_t> alternate(const std::vector<uint8_t>& all, unsigned first) {
    std::vector<uint8_t> mixed;
    std::vector<size_t> at(2, 0);
    const auto take = [&](unsigned family) {
      for (size_t& i = at[family]; i < all.size();) {
        const uint8_t each = all[i++];
        if ((each & 1U) != family) continue;
        mixed.push_back(each);
        return;
      }
    };
    while (mixed.size() < all.size()) {
      take(first);
      take(1U - first);
    }
    return mixed;
  }

  std::vector<uint8_t> listed_;
  std::map<uint8_t, News> news_;
  uint64_t calls_ = 0;
};

// An attempt of so long; what falls and how late one looks is the input's.
void race(FuzzInput& input, const AddressOrder& order) {
  AddressRace race;
  Instant now{1'000'000'000};
  const Duration timeout = Duration::milliseconds(1 + static_cast<int64_t>(input.number(2)));
  race.begin(now, timeout);
  require(race.over() && race.wakes_at() == Instant::never(), "somebody runs in an empty race");
  race.offer(order);
  struct Runner {
    Endpoint endpoint;
    Instant began;
    bool trusted = false;
  };
  std::vector<Runner> running;
  std::vector<Endpoint> started;
  bool is_late = false;
  bool fell = false;
  for (size_t waiting = order.endpoints.size(); waiting != 0;) {
    const Instant wakes = race.wakes_at();
    require(is_late || wakes <= race.deadline(), "who waits is not to run before the deadline");
    if (wakes > now) {
      require(!race.next(now), "somebody starts before it is time");
      const uint8_t what = input.byte();
      if (what >= 240 && !running.empty()) {
        race.fell(running[what % running.size()].endpoint);
        running.erase(running.begin() + what % static_cast<ptrdiff_t>(running.size()));
        fell = true;
        continue;
      }
      const Duration late = Duration::milliseconds(what >= 200 ? what - 199 : 0);
      now = wakes + late;
      is_late = is_late || late > Duration{};
    }
    const auto start = race.next(now);
    require(start.has_value(), "nobody starts when it is time");
    require(std::ranges::find(started, start->endpoint) == started.end(), "one runs twice");
    const bool trusted = started.size() < order.trusted;
    require(start->endpoint == order.endpoints[started.size()], "another runs than is next");
    require(start->instead_of.has_value() == (running.size() == AddressRace::runners_max),
            "one is stopped for no need, or too many run");
    if (start->instead_of) {
      require(*start->instead_of == running.front().endpoint, "another stops than the oldest");
      running.erase(running.begin());
    }
    // One that failed does not run beside one that did not, before that one has had its time.
    for (const Runner& each : running) {
      if (trusted || !each.trusted || start->instead_of) continue;
      const Duration share{(race.deadline() - each.began).ns / static_cast<int64_t>(waiting + 1)};
      require(is_late || now - each.began >= std::min(Duration{timeout.ns / 4}, share),
              "one that failed runs beside one that has not had its time");
    }
    if (!fell && !running.empty() && !is_late && !start->instead_of && trusted) {
      require(now - running.back().began <= AddressRace::stagger, "the next waits for too long");
    }
    fell = false;
    running.push_back({start->endpoint, now, trusted});
    started.push_back(start->endpoint);
    --waiting;
    require(!race.over(), "the race is over, and somebody runs");
    for (const Endpoint& each : race.overdue(now)) {
      require(std::ranges::find(running, each, &Runner::endpoint) != running.end(),
              "one is overdue that does not run");
    }
  }
  require(is_late || now <= race.deadline(), "somebody began after the attempt");
  require(race.wakes_at() == Instant::never() && !race.next(now), "one that does not wait starts");
  for (const Runner& each : running) race.fell(each.endpoint);
  require(race.over(), "nobody runs, and the race is not over");
}

}  // namespace

HAVKLO_FUZZ_TARGET(addresses) {
  FuzzInput input(bytes);
  Addresses addresses;
  Rule rule;
  while (!input.empty()) {
    switch (input.byte() % 4) {
      case 0: {
        std::vector<uint8_t> numbers;
        std::vector<Endpoint> answer;
        for (size_t count = input.byte() % 48; count != 0 && !input.empty(); --count) {
          numbers.push_back(input.byte());
          answer.push_back(endpoint_of(numbers.back()));
        }
        addresses.learn(answer);
        rule.learn(numbers);
        break;
      }
      case 1: {
        const uint8_t number = input.byte();
        addresses.greeted(endpoint_of(number));
        rule.greeted(number);
        break;
      }
      case 2: {
        const uint8_t number = input.byte();
        addresses.failed(endpoint_of(number));
        rule.failed(number);
        break;
      }
      default:
        race(input, addresses.order());
        break;
    }
    const AddressOrder order = addresses.order();
    std::vector<uint8_t> numbers;
    for (const Endpoint& each : order.endpoints) numbers.push_back(number_of(each));
    size_t trusted = 0;
    require(numbers == rule.order(trusted), "the order is not the rule's");
    require(order.trusted == trusted, "others are trusted than by the rule");
    require(addresses.known() == !numbers.empty(), "known, and nothing to try, or the reverse");
  }
}

}  // namespace havklo::addresses_fuzz
