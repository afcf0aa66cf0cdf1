// The ring of the events; beside it the one of the commands, which asks nothing of its records.
#include "bench/questions/rings.hpp"

#include <havklo/event_ring.hpp>
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
    ring_.push_batch(count, [first](Item& item, size_t i) {
      for (uint64_t& word : item.rest) word = 0;
      return first + i;
    });
    return count;
  }
  size_t pop_batch(uint64_t& next, bool& right) {
    const auto ready = ring_.peek();
    // Counted here and told at the end: for all the compiler knows, what is read could be `next`.
    uint64_t expected = next;
    bool all_right = right;
    for (const Item& item : ready) all_right &= item.sequence == expected++;
    next = expected;
    right = all_right;
    ring_.release(ready.size());
    return ready.size();
  }

 private:
  NumberedRing<Item> ring_;
};

class AnyRecord {
 public:
  explicit AnyRecord(size_t capacity) : ring_(capacity) {}
  bool push(const Item& item) { return ring_.try_push(item); }
  bool pop(Item& item) { return ring_.try_pop(item); }

 private:
  SpscRing<Item> ring_;
};

const Registration one("ring_one_by_one", "havklo", HAVKLO_VERSION, ring_one_by_one<Ring>);
const Registration batched("ring_batched", "havklo", HAVKLO_VERSION, ring_batched<Ring>);
const Registration trip("ring_round_trip", "havklo", HAVKLO_VERSION, ring_round_trip<Ring>);

const Registration any_one("ring_one_by_one", "havklo: any record", HAVKLO_VERSION,
                           ring_one_by_one<AnyRecord>);
const Registration any_trip("ring_round_trip", "havklo: any record", HAVKLO_VERSION,
                            ring_round_trip<AnyRecord>);

}  // namespace
}  // namespace havklo::bench
