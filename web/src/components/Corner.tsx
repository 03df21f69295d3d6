// The corner that messages appear in.

import "@mantine/notifications/styles.css";
import { Notifications, notifications } from "@mantine/notifications";
import { useEffect } from "react";
import { ready } from "./toast";

export default function Corner() {
  useEffect(
    () =>
      ready(
        (toast) =>
          void notifications.show({ ...toast, closeButtonProps: { "aria-label": "Close" } }),
      ),
    [],
  );
  return <Notifications position="bottom-right" limit={4} />;
}
