// What is remembered of a name's addresses, and the race among them. Method: the rules one by one,
// then names drawn with addresses that refuse, stay silent, hang or are well, over many attempts in
// manual time; a failing world names its seed.
#include "addresses/addresses.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <havklo/random.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "addresses/address_text.hpp"
#include "addresses/race.hpp"

namespace havklo::addresses {
namespace {

using namespace havklo::literals;

Endpoint ipv4(uint8_t number) { return {{192, 0, 2, number}, 443, 4}; }
Endpoint ipv6(uint8_t number) { return {{0x20, 0x01, 0x0D, 0xB8, number}, 443, 6}; }

std::vector<Endpoint> order_of(const Addresses& name) { return name.order().endpoints; }

Addresses name_with(const std::vector<Endpoint>& answer) {
  Addresses name;
  name.learn(answer);
  return name;
}

using Order = std::vector<Endpoint>;

TEST(AddressText, IsAllOfTheText) {
  EXPECT_EQ(parse_address("192.0.2.1", 443), ipv4(1));
  EXPECT_EQ(parse_address({"192.0.2.1\0x", 11}, 443).family, 0);
  EXPECT_EQ(parse_address("192.0.2.1 ", 443).family, 0);
}

TEST(Addresses, FamiliesAlternateAndTheFirstOfTheAnswerComesFirst) {  // RFC 8305 §4
  EXPECT_EQ(order_of(name_with({ipv6(1), ipv6(2), ipv6(3), ipv4(1), ipv4(2)})),
            (Order{ipv6(1), ipv4(1), ipv6(2), ipv4(2), ipv6(3)}));
  EXPECT_EQ(order_of(name_with({ipv4(1), ipv4(2), ipv6(1)})), (Order{ipv4(1), ipv6(1), ipv4(2)}));
}

TEST(Addresses, WhatGreetedLastComesFirst) {
  Addresses name = name_with({ipv4(1), ipv4(2), ipv4(3)});
  name.greeted(ipv4(2));
  name.greeted(ipv4(3));
  EXPECT_EQ(order_of(name), (Order{ipv4(3), ipv4(2), ipv4(1)}));
  name.greeted(ipv4(2));
  EXPECT_EQ(order_of(name), (Order{ipv4(2), ipv4(3), ipv4(1)}));
}

TEST(Addresses, BehindWhatGreetedTheOtherFamilyComesNext) {
  Addresses name = name_with({ipv4(1), ipv4(2), ipv6(1), ipv6(2)});
  name.greeted(ipv4(2));
  EXPECT_EQ(order_of(name), (Order{ipv4(2), ipv6(1), ipv4(1), ipv6(2)}));
}

TEST(Addresses, WhatFailedSinceComesLastTheLongestAgoFirst) {  // lesson 39
  Addresses name = name_with({ipv4(1), ipv4(2), ipv4(3)});
  name.greeted(ipv4(1));
  name.failed(ipv4(1));
  name.failed(ipv4(3));
  EXPECT_EQ(order_of(name), (Order{ipv4(2), ipv4(1), ipv4(3)}));
  EXPECT_EQ(name.order().trusted, 1u);
  name.failed(ipv4(2));
  name.failed(ipv4(1));
  EXPECT_EQ(order_of(name), (Order{ipv4(3), ipv4(2), ipv4(1)}));
  EXPECT_EQ(name.order().trusted, 0u);
  name.greeted(ipv4(1));  // what it did before is forgiven
  EXPECT_EQ(order_of(name), (Order{ipv4(1), ipv4(3), ipv4(2)}));
}

TEST(Addresses, AnAnswerWithoutAddressesLeavesTheLastGoodOnes) {
  Addresses name;
  EXPECT_FALSE(name.known());
  name.learn({});
  EXPECT_FALSE(name.known());
  name.learn(std::vector{ipv4(1)});
  name.learn({});
  EXPECT_TRUE(name.known());
  EXPECT_EQ(order_of(name), Order{ipv4(1)});
}

TEST(Addresses, WhatComesBackIntoTheAnswerIsRemembered) {
  Addresses name = name_with({ipv4(1), ipv4(2)});
  name.failed(ipv4(1));
  name.learn(std::vector{ipv4(3)});
  EXPECT_EQ(order_of(name), Order{ipv4(3)});
  name.learn(std::vector{ipv4(1), ipv4(4)});
  EXPECT_EQ(order_of(name), (Order{ipv4(4), ipv4(1)}));
}

// Of what is in no answer any more the oldest news go first, and only when there are too many.
TEST(Addresses, OldNewsOfWhatIsInNoAnswerAreForgotten) {
  const auto remembers_first_after = [](size_t others) {
    Addresses name = name_with({ipv4(0)});
    name.failed(ipv4(0));
    for (size_t i = 1; i <= others; ++i) {
      name.learn(std::vector{ipv4(static_cast<uint8_t>(i))});
      name.failed(ipv4(static_cast<uint8_t>(i)));
    }
    name.learn(std::vector{ipv4(0), ipv4(200)});
    return order_of(name) == Order{ipv4(200), ipv4(0)};
  };
  EXPECT_TRUE(remembers_first_after(Addresses::remembered_max));
  EXPECT_FALSE(remembers_first_after(Addresses::remembered_max + 1));
}

TEST(Addresses, AnEndlessAnswerIsCutAndLeavesBothFamiliesIn) {
  std::vector<Endpoint> answer;
  for (uint32_t i = 0; i < 400; ++i) answer.push_back(ipv6(static_cast<uint8_t>(i % 200)));
  answer.push_back(ipv4(1));
  const Order order = order_of(name_with(answer));
  EXPECT_EQ(order.size(), Addresses::listed_max);
  EXPECT_EQ(order[1], ipv4(1));
}

TEST(Addresses, AnswersThatNeverComeAgainDoNotAddUp) {
  Addresses name;
  Random random(1);
  for (int i = 0; i < 1000; ++i) {
    Endpoint drawn{{}, 443, 4};
    for (size_t at = 0; at < 4; ++at) drawn.address[at] = static_cast<uint8_t>(random.below(256));
    name.learn(std::vector{drawn});
    name.failed(drawn);
    ASSERT_EQ(order_of(name), Order{drawn});
  }
}

// The order against its rule, said again: each address once, sorted by what is known of it.
TEST(Addresses, AnyHistoryGivesTheOrderOfTheRule) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Addresses name;
    struct Past {
      uint64_t greeted = 0;
      uint64_t failed = 0;
    };
    std::vector<Past> past(8);
    std::vector<Endpoint> answer;
    const auto at = [](size_t i) {
      const auto number = static_cast<uint8_t>(i);
      return i % 2 == 0 ? ipv4(number) : ipv6(number);
    };
    for (uint64_t step = 1; step <= 60; ++step) {
      const size_t drawn = random.below(past.size());
      const bool listed = std::ranges::find(answer, at(drawn)) != answer.end();
      switch (random.below(4)) {
        case 0:
          answer.clear();
          for (size_t i = 0; i < past.size(); ++i) {
            if (random.below(2) == 0) answer.push_back(at(i));
          }
          if (answer.empty()) answer.push_back(at(drawn));
          name.learn(answer);
          break;
        case 1:
          if (listed) past[drawn].greeted = step;
          if (listed) name.greeted(at(drawn));
          break;
        default:
          if (listed) past[drawn].failed = step;
          if (listed) name.failed(at(drawn));
      }
      const AddressOrder order = name.order();
      ASSERT_TRUE(std::ranges::is_permutation(order.endpoints, answer));
      const auto rank = [&](const Endpoint& endpoint) {
        for (size_t i = 0; i < past.size(); ++i) {
          if (at(i) != endpoint) continue;
          if (past[i].failed > past[i].greeted)
            return std::pair<uint64_t, uint64_t>(2, past[i].failed);
          if (past[i].greeted != 0) return std::pair<uint64_t, uint64_t>(0, 1000 - past[i].greeted);
        }
        return std::pair<uint64_t, uint64_t>(1, 0);
      };
      ASSERT_TRUE(std::ranges::is_sorted(order.endpoints, {}, rank));
      for (size_t i = 0; i < order.endpoints.size(); ++i) {
        ASSERT_EQ(i < order.trusted, rank(order.endpoints[i]).first < 2);
      }
    }
  }
}

constexpr Instant start{1'000'000'000};

AddressRace race_of(const AddressOrder& order, Duration timeout = 10_s) {
  AddressRace race;
  race.begin(start, timeout);
  race.offer(order);
  return race;
}

AddressOrder trusted(Order endpoints) {
  const size_t count = endpoints.size();
  return {std::move(endpoints), count};
}

TEST(AddressRace, ASingleAddressStartsAtOnceAndNothingFollows) {
  AddressRace race = race_of(trusted({ipv4(1)}));
  EXPECT_EQ(race.next(start)->endpoint, ipv4(1));
  EXPECT_EQ(race.wakes_at(), Instant::never());
  EXPECT_FALSE(race.over());
  race.fell(ipv4(1));
  EXPECT_TRUE(race.over());
}

TEST(AddressRace, ANewAttemptForgetsTheLast) {
  AddressRace race = race_of(trusted({ipv4(1), ipv4(2), ipv4(3)}));
  ASSERT_TRUE(race.next(start));
  race.fell(ipv4(1));
  const Instant later = start + 60_s;
  race.begin(later, 10_s);
  EXPECT_TRUE(race.over());
  race.offer(trusted({ipv4(1), ipv4(2)}));
  EXPECT_EQ(race.next(later)->endpoint, ipv4(1));
  EXPECT_FALSE(race.next(later));
  EXPECT_EQ(race.wakes_at(), later + 250_ms);
}

TEST(AddressRace, ASilentOneCostsAStagger) {
  AddressRace race = race_of(trusted({ipv6(1), ipv4(1)}));
  EXPECT_EQ(race.next(start)->endpoint, ipv6(1));
  EXPECT_FALSE(race.next(start + 249_ms));
  EXPECT_EQ(race.wakes_at(), start + 250_ms);
  EXPECT_EQ(race.next(start + 250_ms)->endpoint, ipv4(1));
}

TEST(AddressRace, OneThatFallsCostsNothing) {
  AddressRace race = race_of(trusted({ipv6(1), ipv4(1), ipv6(2)}));
  ASSERT_TRUE(race.next(start));
  race.fell(ipv6(1));
  EXPECT_EQ(race.next(start + 10_ms)->endpoint, ipv4(1));
  EXPECT_FALSE(race.next(start + 10_ms));
  EXPECT_EQ(race.wakes_at(), start + 260_ms);
}

TEST(AddressRace, WhatFailedBeforeWaitsForWhatDidNot) {
  AddressRace race = race_of({{ipv4(1), ipv4(2), ipv4(3)}, 1});
  ASSERT_TRUE(race.next(start));
  EXPECT_EQ(race.wakes_at(), start + 2500_ms);  // a quarter of the attempt
  EXPECT_EQ(race.next(start + 2500_ms)->endpoint, ipv4(2));
  EXPECT_EQ(race.overdue(start + 2500_ms), Order{ipv4(1)});
  race.fell(ipv4(1));
  EXPECT_EQ(race.next(start + 2600_ms)->endpoint, ipv4(3));  // nobody is left to wait for
}

TEST(AddressRace, ANewAnswerAddsThoseWhoHaveNotRun) {
  AddressRace race = race_of(trusted({ipv4(1)}));
  ASSERT_TRUE(race.next(start));
  race.offer(trusted({ipv4(1), ipv4(2)}));
  EXPECT_FALSE(race.next(start + 100_ms));
  EXPECT_EQ(race.next(start + 250_ms)->endpoint, ipv4(2));
  EXPECT_FALSE(race.next(start + 9_s));
}

// All silent: each has its turn before the attempt ends, and no more than a few at once.
TEST(AddressRace, EverybodyRunsOnceBeforeTheDeadlineAndFewAtOnce) {
  for (uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    AddressOrder order;
    const auto count = 1 + random.below(Addresses::listed_max);
    for (uint64_t i = 0; i < count; ++i) order.endpoints.push_back(ipv4(static_cast<uint8_t>(i)));
    order.trusted = random.below(count + 1);
    const Duration timeout = Duration::milliseconds(static_cast<int64_t>(1 + random.below(20'000)));
    AddressRace race = race_of(order, timeout);
    Order ran;
    Order running;
    for (Instant now = start; now != Instant::never(); now = std::max(now, race.wakes_at())) {
      while (const auto next = race.next(now)) {
        if (next->instead_of) {
          ASSERT_EQ(*next->instead_of, running.front());
          running.erase(running.begin());
        }
        running.push_back(next->endpoint);
        ran.push_back(next->endpoint);
        ASSERT_LE(running.size(), AddressRace::runners_max);
      }
      if (!running.empty() && random.below(4) == 0) {
        race.fell(running.front());
        running.erase(running.begin());
      }
      if (race.wakes_at() == Instant::never()) break;
      ASSERT_LT(race.wakes_at(), start + timeout);
    }
    EXPECT_EQ(ran, order.endpoints);
  }
}

enum class Nature : uint8_t { refuses, silent, hangs, well };

struct Place {
  Endpoint endpoint;
  Nature nature = Nature::well;
  Duration round_trip;
};

// One attempt as a transport makes it: where the venue greeted, and how long that took.
struct Attempt {
  std::optional<Endpoint> greeted;
  Duration lasted;
};

Attempt attempt(Addresses& name, const std::vector<Place>& places) {
  AddressRace race = race_of(name.order());
  struct Runner {
    const Place* place;
    Instant began;
  };
  std::vector<Runner> running;
  const auto news_at = [](const Runner& each) {
    const bool never = each.place->nature == Nature::silent;
    return never ? Instant::never() : each.began + each.place->round_trip;
  };
  for (Instant now = start;;) {
    while (const auto next = race.next(now)) {
      if (next->instead_of) {
        name.failed(*next->instead_of);
        std::erase_if(
            running, [&](const Runner& each) { return each.place->endpoint == *next->instead_of; });
      }
      running.push_back({&*std::ranges::find(places, next->endpoint, &Place::endpoint), now});
    }
    const auto first = std::ranges::min_element(running, {}, news_at);
    const Instant news = first == running.end() ? Instant::never() : news_at(*first);
    now = std::min({news, race.wakes_at(), race.deadline()});
    if (race.over() || now == race.deadline()) {
      for (const Runner& each : running) name.failed(each.place->endpoint);
      return {std::nullopt, now - start};
    }
    if (now != news) continue;
    const Place& place = *first->place;
    race.fell(place.endpoint);
    if (place.nature == Nature::refuses) {
      name.failed(place.endpoint);
      running.erase(first);
      continue;
    }
    for (const Endpoint& each : race.overdue(now)) name.failed(each);
    if (place.nature == Nature::well) {
      name.greeted(place.endpoint);
      return {place.endpoint, now - start};
    }
    name.failed(place.endpoint);  // at the end of its time
    return {std::nullopt, race.deadline() - start};
  }
}

// Whatever the others do, the one that is well is found, kept, and found again when it moves. One
// that is further away than a stagger may be overtaken by each of those that hang, once.
TEST(AddressRace, AttemptsFindWhatIsWellAndStayThere) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<Place> places;
    std::vector<Endpoint> answer;
    const auto count = 1 + random.below(12);
    for (uint64_t i = 0; i < count; ++i) {
      const auto number = static_cast<uint8_t>(i);
      places.push_back({random.below(2) == 0 ? ipv4(number) : ipv6(number),
                        static_cast<Nature>(random.below(3)),
                        Duration::milliseconds(static_cast<int64_t>(1 + random.below(400)))});
      answer.push_back(places.back().endpoint);
    }
    Addresses name;
    name.learn(answer);
    for (int move = 0; move < 4; ++move) {
      Place& well = places[random.below(places.size())];
      const Nature before = std::exchange(well.nature, Nature::well);
      const bool near = well.round_trip < AddressRace::stagger;
      size_t missed = 0;
      bool found = false;
      for (size_t tried = 0; tried < 2 * count + 2; ++tried) {
        const Attempt made = attempt(name, places);
        if (made.greeted != well.endpoint) {
          ASSERT_FALSE(found && near);
          ASSERT_LE(++missed, count);
          continue;
        }
        if (std::exchange(found, true)) {
          ASSERT_EQ(made.lasted, well.round_trip);
        }
      }
      ASSERT_TRUE(found);
      well.nature = before;
    }
  }
}

TEST(AddressRace, IPv6ThatSwallowsEverythingCostsOneStaggerOnce) {  // lesson 39
  const std::vector<Place> places = {
      {ipv6(1), Nature::silent, {}}, {ipv4(1), Nature::well, 20_ms}, {ipv6(2), Nature::silent, {}}};
  Addresses name = name_with({ipv6(1), ipv6(2), ipv4(1)});
  EXPECT_EQ(attempt(name, places).lasted, 270_ms);
  EXPECT_EQ(attempt(name, places).lasted, 20_ms);
}

}  // namespace
}  // namespace havklo::addresses
