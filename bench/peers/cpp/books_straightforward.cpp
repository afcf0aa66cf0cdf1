// What a capable user writes in an afternoon (straightforward_book.hpp); its answers are compared
// with the engine's before they count.
#include "bench/questions/books.hpp"
#include "kraken/json_kernel.hpp"

namespace havklo::bench {
namespace {

Measured straightforward(const Run& run) {
  const Frames& frames = real_or_made_frames();
  if (!answers_agree(frames)) return std::unexpected("its events are not the engine's");
  const auto texts = padded(frames.texts);
  StraightforwardBooks books(frames.depth);
  std::vector<Event> events;
  return book_messages(run, frames.texts.size(),
                       [&] { return straightforward_pass(books, texts, events); });
}

const std::string name = "simdjson, sorted vectors";
const Registration many("book_many", name, kraken::json_library_version(), straightforward);
const Registration one("book_one", name, kraken::json_library_version(), straightforward);

}  // namespace
}  // namespace havklo::bench
