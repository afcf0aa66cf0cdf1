// Context tags to kinds.
#include "io/certificates/general_name.hpp"

#include "io/certificates/distinguished_name.hpp"

namespace havklo::io {

std::optional<GeneralName> GeneralName::next(der::Reader& names) {
  const auto element = names.next();
  if (!element) return std::nullopt;
  const unsigned number = element->tag & 0x1fU;
  GeneralName name{.kind = static_cast<Kind>(number), .value = element->value};
  const bool has_parts = name.kind == Kind::other_name || name.kind == Kind::x400 ||
                         name.kind == Kind::directory || name.kind == Kind::edi_party;
  const uint8_t expected =
      has_parts ? der::tag::context_constructed(number) : der::tag::context(number);
  bool good = number <= static_cast<unsigned>(Kind::registered_id) && element->tag == expected;
  if (good && name.kind == Kind::directory) good = DistinguishedName::parse(name.value).has_value();
  if (good && name.kind == Kind::other_name) {
    der::Reader other(name.value);
    static_cast<void>(other.take(der::tag::oid));
    der::Reader value(other.take(der::tag::context_constructed(0)));
    static_cast<void>(value.next());
    good = other.finished() && value.finished();
  }
  if (good) return name;
  names.fail();
  return std::nullopt;
}

bool are_general_names(der::Bytes sequence) {
  der::Reader names(sequence);
  while (GeneralName::next(names)) {
  }
  return names.finished();
}

}  // namespace havklo::io
