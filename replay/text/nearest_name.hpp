// The known name that a wrong one probably meant.
#pragma once

#include <span>
#include <string_view>

namespace havklo::replay {

// The name with the fewest letters to change (Levenshtein); "" if `known` is empty.
[[nodiscard]] std::string_view nearest_name(std::string_view wrong,
                                            std::span<const std::string_view> known);

// … if it is near: at most two letters of five are to be changed, or the one is a part of the other
// ("delay", "initial_delay"). "" else: a name that has nothing to do with it would mislead.
[[nodiscard]] std::string_view similar_name(std::string_view wrong,
                                            std::span<const std::string_view> known);

}  // namespace havklo::replay
