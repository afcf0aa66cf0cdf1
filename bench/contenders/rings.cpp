// The ring of the events.
#include "bench/questions/rings.hpp"

#include <havklo/spsc_ring.hpp>

namespace havklo::bench {
namespace {

class Ring {
 public:
  explicit Ring(size_t capacity) : ring_(capacity) {}
  bool push(const Item& item) { return ring_.try_push(item); }
  bool pop(Item& item) { return ring_.try_pop(item); }
  size_t push_batch(uint64_t first, size_t count) {
    if (ring_.free_slots(count) < count) return 0;
    ring_.push_batch(count, [first](Item& item, size_t i) { item = {first + i, {}}; });
    return count;
  }
  size_t pop_batch(uint64_t& next, bool& right) {
    const auto ready = ring_.peek();
    // Counted here and told at the end: for all the compiler knows, what is read could be `next`.
    uint64_t expected = next;
    bool all_right = right;
    for (const Item& item : ready) all_right &= item.number == expected++;
    next = expected;
    right = all_right;
    ring_.release(ready.size());
    return ready.size();
  }

 private:
  SpscRing<Item> ring_;
};

const Registration one("ring_one_by_one", "havklo", HAVKLO_VERSION, ring_one_by_one<Ring>);
const Registration batched("ring_batched", "havklo", HAVKLO_VERSION, ring_batched<Ring>);
const Registration trip("ring_round_trip", "havklo", HAVKLO_VERSION, ring_round_trip<Ring>);

}  // namespace
}  // namespace havklo::bench
