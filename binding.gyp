{
  "targets": [
    {
      "target_name": "expressgateway",
      "sources": [
        "native/addon.cc",
        "native/common/address.cc",
        "native/common/arguments.cc",
        "native/common/errno_error.cc",
        "native/common/idle_probe.cc",
        "native/process/notify_socket.cc",
        "native/process/process_control.cc",
        "native/shm/shared_memory.cc",
        "native/socket/listen_socket.cc",
        "native/socket/socket_probe.cc",
        "native/transport/binding.cc",
        "native/transport/engines.cc",
        "native/transport/epoll_transport.cc",
        "native/transport/event_loop.cc",
        "native/transport/send_queue.cc",
        "native/transport/slot_table.cc",
        "native/transport/sockets.cc",
        "native/transport/transport.cc",
        "native/transport/uring_buffers.cc",
        "native/transport/uring_probe.cc",
        "native/transport/uring_receive.cc",
        "native/transport/uring_ring.cc",
        "native/transport/uring_sends.cc",
        "native/transport/uring_transport.cc"
      ],
      "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")", "native"],
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED"
      ],
      "cflags!": ["-O3"],
      "cflags_cc!": ["-fexceptions", "-O3", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-std=c++20",
        "-O2",
        "-Wall",
        "-Wextra",
        "-Wno-unused-parameter",
        "-fno-exceptions",
        "-fno-rtti",
        "-fvisibility=hidden",
        "-fstack-protector-strong",
        "-U_FORTIFY_SOURCE",
        "-D_FORTIFY_SOURCE=2"
      ],
      "ldflags": ["-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack", "-Wl,--as-needed"]
    }
  ]
}
