// The engine whole, its network a buffer.
#include "bench/questions/books.hpp"

namespace havklo::bench {
namespace {

template <size_t per_read>
Measured engine(const Run& run) {
  const Frames& frames = real_or_made_frames();
  const auto reads = reads_of(frames.texts, per_read);
  FeedWorld world(frames);
  EnginePasses pass(world, reads, frames.texts.size());
  const Measured measured = book_messages(run, frames.texts.size(), pass);
  if (!pass.verify()) return std::unexpected("a checksum did not verify");
  return measured;
}

const Registration many("book_many", "havklo", HAVKLO_VERSION, engine<16>);
const Registration one("book_one", "havklo", HAVKLO_VERSION, engine<1>);

}  // namespace
}  // namespace havklo::bench
