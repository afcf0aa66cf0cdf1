// The names of the phases, as reports print them.
#include <array>
#include <havklo/latency.hpp>

namespace havklo {

std::string_view to_string(MessagePhase phase) {
  static constexpr std::array<std::string_view, phase_count> names = {"decrypt", "frame", "decode",
                                                                      "publish"};
  const auto index = static_cast<uint8_t>(phase);
  return index < phase_count ? names[index] : "unknown";
}

}  // namespace havklo
