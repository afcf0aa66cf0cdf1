// Words for what could not be read.
#include "core/market_events.hpp"

#include <algorithm>
#include <string_view>

namespace havklo::core {
namespace {

std::string_view words_for(kraken::DecodeError error) {
  switch (error) {
    case kraken::DecodeError::wrong_type:
      return "not what it should be";
    case kraken::DecodeError::missing_key:
      return "is missing";
    case kraken::DecodeError::bad_timestamp:
      return "no time from 1970 to 2261 of at most nine decimals";
    case kraken::DecodeError::not_json:
    case kraken::DecodeError::too_many_rows:
    case kraken::DecodeError::number_out_of_range:
      break;
  }
  return "no number that fits";
}

}  // namespace

// On the loop while Live: nothing is allocated.
TextId detail_of(const kraken::RowFault& fault, Names& names) {
  std::array<char, text_bytes_max> text;
  auto end = text.begin();
  for (const std::string_view part : {fault.key, std::string_view(": "), words_for(fault.error)}) {
    const auto room = static_cast<size_t>(text.end() - end);
    end = std::ranges::copy(part.substr(0, room), end).out;
  }
  return names.intern_text({text.begin(), end});
}

}  // namespace havklo::core
