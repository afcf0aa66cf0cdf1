// Subtrees, by kind of name.
#include "io/certificates/name_constraints.hpp"

#include <algorithm>
#include <string_view>

#include "addresses/ascii_case.hpp"
#include "io/certificates/general_name.hpp"

namespace havklo::io {
namespace {

using Kind = GeneralName::Kind;

enum class Fit : uint8_t { inside, outside, not_understood };

Fit fit_if(bool inside) { return inside ? Fit::inside : Fit::outside; }

bool ends_with_text(std::string_view text, std::string_view end) {
  return text.size() >= end.size() &&
         addresses::equal_ignoring_case(text.substr(text.size() - end.size()), end);
}

Fit fit_dns(std::string_view name, std::string_view base) {
  if (base.empty()) return Fit::inside;
  if (!ends_with_text(name, base)) return Fit::outside;
  return fit_if(name.size() == base.size() || base.front() == '.' ||
                name[name.size() - base.size() - 1] == '.');
}

Fit fit_email(std::string_view name, std::string_view base) {
  const size_t at = name.rfind('@');
  if (at == std::string_view::npos) return Fit::not_understood;
  const size_t base_at = base.rfind('@');
  if (base_at == std::string_view::npos && base.starts_with('.')) {
    return fit_if(name.size() > base.size() && ends_with_text(name, base));
  }
  if (base_at != std::string_view::npos) {
    if (base_at != 0 && name.substr(0, at) != base.substr(0, base_at)) return Fit::outside;
    base.remove_prefix(base_at + 1);
  }
  return fit_if(addresses::equal_ignoring_case(name.substr(at + 1), base));
}

Fit fit_uri(std::string_view name, std::string_view base) {
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos || name.substr(colon, 3) != "://") return Fit::not_understood;
  std::string_view host = name.substr(colon + 3);
  const size_t port = host.find(':');
  host = host.substr(0, port != std::string_view::npos ? port : host.find('/'));
  if (host.empty()) return Fit::not_understood;
  if (base.starts_with('.')) return fit_if(host.size() > base.size() && ends_with_text(host, base));
  return fit_if(addresses::equal_ignoring_case(host, base));
}

Fit fit_ip(der::Bytes address, der::Bytes base) {
  if (address.size() != 4 && address.size() != 16) return Fit::not_understood;
  if (base.size() != 8 && base.size() != 32) return Fit::not_understood;
  if (base.size() != 2 * address.size()) return Fit::outside;
  for (size_t i = 0; i < address.size(); ++i) {
    const uint8_t mask = base[address.size() + i];
    if ((address[i] & mask) != (base[i] & mask)) return Fit::outside;
  }
  return Fit::inside;
}

struct Name {
  Kind kind;
  der::Bytes value;
  std::string_view comparable;  // of a directory name
};

Fit fit(const Name& name, const GeneralName& base) {
  switch (name.kind) {
    case Kind::dns:
      return fit_dns(der::as_text(name.value), der::as_text(base.value));
    case Kind::email:
      return fit_email(der::as_text(name.value), der::as_text(base.value));
    case Kind::uri:
      return fit_uri(der::as_text(name.value), der::as_text(base.value));
    case Kind::ip:
      return fit_ip(name.value, base.value);
    case Kind::directory: {
      const auto subtree = DistinguishedName::parse(base.value);
      if (!subtree) return Fit::not_understood;
      return fit_if(name.comparable.starts_with(subtree->comparable));
    }
    default:
      return Fit::not_understood;
  }
}

class Subtrees {
 public:
  Subtrees(der::Bytes constraints, uint32_t& compares_left) : compares_left_(compares_left) {
    der::Reader reader(constraints);
    permitted_ = reader.take_if(der::tag::context_constructed(0)).value_or(der::Bytes{});
    excluded_ = reader.take_if(der::tag::context_constructed(1)).value_or(der::Bytes{});
  }

  [[nodiscard]] bool permit(const Name& name) {
    const Outcome permitted = compare(name, permitted_);
    if (permitted.not_understood || (permitted.is_constrained && !permitted.is_inside))
      return false;
    const Outcome excluded = compare(name, excluded_);
    return !excluded.not_understood && !excluded.is_inside;
  }

 private:
  struct Outcome {
    bool is_constrained = false;  // by a subtree of its kind
    bool is_inside = false;       // of one
    bool not_understood = false;
  };

  Outcome compare(const Name& name, der::Bytes subtrees) {
    Outcome outcome;
    der::Reader list(subtrees);
    while (!list.finished() && !outcome.not_understood) {
      der::Reader subtree(list.take(der::tag::sequence));
      const auto base = GeneralName::next(subtree);
      // A minimum or a maximum of levels is nobody's to use (§4.2.1.10).
      if (!base || compares_left_ == 0) return {.not_understood = true};
      --compares_left_;
      if (base->kind != name.kind) continue;
      outcome.is_constrained = true;
      const Fit found = subtree.finished() ? fit(name, *base) : Fit::not_understood;
      outcome.is_inside = outcome.is_inside || found == Fit::inside;
      outcome.not_understood = found == Fit::not_understood;
    }
    return outcome;
  }

  der::Bytes permitted_;
  der::Bytes excluded_;
  uint32_t& compares_left_;
};

}  // namespace

bool is_permitted(const Certificate& certificate, der::Bytes constraints, uint32_t& compares_left) {
  Subtrees subtrees(constraints, compares_left);
  const DistinguishedName& subject = certificate.subject;
  if (!subject.empty()) {
    if (subject.has_odd_email) return false;
    if (!subtrees.permit(
            {.kind = Kind::directory, .value = {}, .comparable = subject.comparable})) {
      return false;
    }
    for (const der::Bytes email : subject.emails) {
      if (!subtrees.permit({.kind = Kind::email, .value = email, .comparable = {}})) return false;
    }
  }
  if (!certificate.alt_names) return true;
  der::Reader names(*certificate.alt_names);
  while (const auto name = GeneralName::next(names)) {
    const bool is_directory = name->kind == Kind::directory;
    const auto parsed = is_directory ? DistinguishedName::parse(name->value) : std::nullopt;
    const std::string_view comparable = parsed ? std::string_view(parsed->comparable) : "";
    if (!subtrees.permit({.kind = name->kind, .value = name->value, .comparable = comparable})) {
      return false;
    }
  }
  return true;
}

}  // namespace havklo::io
