// moodycamel::ReaderWriterQueue; it has no operation on batches.
#include <readerwriterqueue/readerwriterqueue.h>

#include "bench/questions/rings.hpp"

namespace havklo::bench {
namespace {

class Moodycamel {
 public:
  explicit Moodycamel(size_t capacity) : queue_(capacity) {}
  bool push(const Item& item) { return queue_.try_enqueue(item); }
  bool pop(Item& item) { return queue_.try_dequeue(item); }

 private:
  moodycamel::ReaderWriterQueue<Item> queue_;
};

const std::string name = "moodycamel::ReaderWriterQueue";
const std::string version = HAVKLO_READERWRITERQUEUE_VERSION;
const Registration one("ring_one_by_one", name, version, ring_one_by_one<Moodycamel>);
const Registration trip("ring_round_trip", name, version, ring_round_trip<Moodycamel>);

}  // namespace
}  // namespace havklo::bench
