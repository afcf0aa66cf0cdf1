// What a transport remembers of a host for its next connection to it.
#pragma once

#include <memory>

#include "io/tls/stream.hpp"

namespace havklo::io {

struct KnownHost {
  TlsContext* context = nullptr;  // whom it is believed
  TlsSession session;
  TlsGroup group = preferred_group();  // what it agreed to last
  // Its share of the keys is made: a reconnect need not wait for that. None: to be made.
  std::unique_ptr<TlsStream> next;
};

}  // namespace havklo::io
