# Writes the scenario files into one source file, so that `havklo sim --list` works anywhere.
file(GLOB scenarios CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/replay/world/scenarios/*.toml)
set(list "")
foreach(scenario IN LISTS scenarios)
  get_filename_component(name ${scenario} NAME_WE)
  file(READ ${scenario} text)
  string(APPEND list "    {\"${name}\", R\"toml(${text})toml\"},\n")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${scenario})
endforeach()
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/built_in_scenarios.cpp @ONLY CONTENT
"// Written by replay/world/built_in_scenarios.cmake.
#include \"replay/world/built_in_scenarios.hpp\"

namespace havklo::replay {

std::span<const BuiltInScenario> built_in_scenarios() {
  static constexpr BuiltInScenario all[] = {
@list@  };
  return all;
}

}  // namespace havklo::replay
")
