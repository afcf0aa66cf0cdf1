// An answer, and how it went with each of its addresses.
#include "addresses/addresses.hpp"

#include <algorithm>
#include <utility>

namespace havklo::addresses {
namespace {

// Takes the families in turn, each in its own order; the first is `first`'s.
std::vector<Endpoint> alternate(std::vector<Endpoint> endpoints, uint8_t first) {
  const auto other = std::ranges::stable_partition(
      endpoints, [first](const Endpoint& each) { return each.family == first; });
  std::vector<Endpoint> mixed;
  mixed.reserve(endpoints.size());
  auto one = endpoints.begin();
  auto two = other.begin();
  while (one != other.begin() || two != endpoints.end()) {
    if (one != other.begin()) mixed.push_back(*one++);
    if (two != endpoints.end()) mixed.push_back(*two++);
  }
  return mixed;
}

}  // namespace

void Addresses::learn(std::span<const Endpoint> answer) {
  if (answer.empty()) return;
  std::vector<Memory> listed;
  for (const Endpoint& endpoint :
       alternate({answer.begin(), answer.end()}, answer.front().family)) {
    const bool twice = std::ranges::find(listed, endpoint, &Memory::endpoint) != listed.end();
    if (twice || listed.size() == listed_max) continue;
    const Memory* before = find(endpoint);
    listed.push_back(before != nullptr ? *before : Memory{.endpoint = endpoint});
  }
  listed_ = listed.size();
  for (const Memory& before : memories_) {
    const bool again =
        std::ranges::find(listed, before.endpoint, &Memory::endpoint) != listed.end();
    if (!again && before.last_news() != 0) listed.push_back(before);
  }
  memories_ = std::move(listed);
  while (memories_.size() - listed_ > remembered_max) forget_oldest();
}

void Addresses::forget_oldest() {
  const auto unlisted = memories_.begin() + static_cast<ptrdiff_t>(listed_);
  memories_.erase(std::ranges::min_element(unlisted, memories_.end(), {}, &Memory::last_news));
}

Addresses::Memory* Addresses::find(const Endpoint& endpoint) {
  const auto found = std::ranges::find(memories_, endpoint, &Memory::endpoint);
  return found == memories_.end() ? nullptr : &*found;
}

void Addresses::greeted(const Endpoint& endpoint) {
  if (Memory* const memory = find(endpoint)) memory->greeted = ++calls_;
}

void Addresses::failed(const Endpoint& endpoint) {
  if (Memory* const memory = find(endpoint)) memory->failed = ++calls_;
}

AddressOrder Addresses::order() const {
  std::vector<Memory> good;
  std::vector<Endpoint> untried;
  std::vector<Memory> bad;
  for (const Memory& memory : std::span(memories_).first(listed_)) {
    if (memory.last_news() == 0) {
      untried.push_back(memory.endpoint);
    } else {
      (memory.has_failed_since() ? bad : good).push_back(memory);
    }
  }
  std::ranges::sort(good, std::ranges::greater{}, &Memory::greeted);
  std::ranges::sort(bad, {}, &Memory::failed);

  AddressOrder order;
  for (const Memory& each : good) order.endpoints.push_back(each.endpoint);
  if (!untried.empty()) {
    // Behind what greeted the other family comes first: it is what most likely works when that
    // does not.
    uint8_t first = untried.front().family;
    if (!good.empty()) first = good.back().endpoint.family == 6 ? 4 : 6;
    for (const Endpoint& each : alternate(std::move(untried), first)) {
      order.endpoints.push_back(each);
    }
  }
  order.trusted = order.endpoints.size();
  for (const Memory& each : bad) order.endpoints.push_back(each.endpoint);
  return order;
}

}  // namespace havklo::addresses
