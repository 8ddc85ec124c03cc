/** The look, as Mantine wants to hear it. The colours of surfaces and text are in `tokens.css`; these are the ones of controls. */
import { ActionIcon, Badge, Checkbox, createTheme, Drawer, type MantineColorsTuple, Modal, NavLink, Tooltip } from "@mantine/core";

const petrol: MantineColorsTuple = ["#e6f4f4", "#d0e6e7", "#a3ced1", "#72b5b9", "#4ba0a6", "#2f939a", "#1c8a92", "#0f747b", "#0a666d", "#06545a"];
const amber: MantineColorsTuple = ["#fff5e0", "#ffe9c7", "#fbd294", "#f7ba5c", "#f4a52f", "#e9951a", "#c97c0c", "#a86506", "#8a5203", "#6f4100"];
const brick: MantineColorsTuple = ["#fdeeea", "#f8dcd5", "#eeb7aa", "#e4907c", "#dc6f55", "#d35a3e", "#c34a2f", "#ad3b22", "#973019", "#7f2511"];
const leaf: MantineColorsTuple = ["#ebf6ec", "#d9ead9", "#b3d4b4", "#8abd8c", "#67a96a", "#519d55", "#3f8c45", "#317638", "#27652e", "#1a5222"];
const gray: MantineColorsTuple = ["#faf9f6", "#f3f1eb", "#e8e4db", "#dbd6ca", "#c3beb1", "#9d9a90", "#75766f", "#575c59", "#3a4140", "#1d2524"];
const dark: MantineColorsTuple = ["#e3eae8", "#b9c5c3", "#98a6a5", "#63716f", "#344142", "#2a3536", "#1e2728", "#161d1e", "#111718", "#0b1011"];

export const theme = createTheme({
  colors: { petrol, amber, brick, leaf, gray, dark },
  primaryColor: "petrol",
  primaryShade: { light: 8, dark: 7 },
  black: "#1d2524",
  autoContrast: true,
  luminanceThreshold: 0.35,
  fontFamily: '"Figtree Variable", system-ui, "Segoe UI", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.25rem" },
  lineHeights: { xs: "1.35", sm: "1.4", md: "1.45", lg: "1.5", xl: "1.4" },
  spacing: { xs: "0.5rem", sm: "0.75rem", md: "1rem", lg: "1.25rem", xl: "1.75rem" },
  radius: { xs: "4px", sm: "7px", md: "10px", lg: "14px", xl: "20px" },
  defaultRadius: "sm",
  headings: { fontWeight: "650", sizes: { h1: { fontSize: "1.375rem" }, h2: { fontSize: "1.0625rem" }, h3: { fontSize: "0.9375rem" } } },
  focusRing: "auto",
  respectReducedMotion: true,
  components: {
    ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray", size: "lg" } }),
    Badge: Badge.extend({ styles: { root: { textTransform: "none", fontWeight: 600 } } }),
    // At this size the usual radius makes a circle, which reads as one choice of several.
    Checkbox: Checkbox.extend({ vars: (_theme, { size }) => ({ root: size === "xs" ? { "--checkbox-radius": "4px" } : {} }) }),
    Drawer: Drawer.extend({ styles: { title: { fontSize: "1.0625rem", fontWeight: 650 } } }),
    Modal: Modal.extend({
      defaultProps: { centered: true, radius: "md", overlayProps: { backgroundOpacity: 0.4 } },
      styles: { title: { fontSize: "1.0625rem", fontWeight: 650 } },
    }),
    NavLink: NavLink.extend({ defaultProps: { variant: "light" } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 350, withArrow: true } }),
  },
});
