/** The mark: a message over a counter. */
export function Logo({ size, word = true }: { size: number; word?: boolean }) {
  return (
    <span style={{ display: "inline-flex", alignItems: "center", gap: size * 0.28 }}>
      <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
        <path
          d="M8.5 4.5h15A3.5 3.5 0 0 1 27 8v6.5a3.5 3.5 0 0 1-3.5 3.5h-8.3l-4.4 4v-4H8.500A3.5 3.5 0 0 1 5 14.500V8a3.500 3.500 0 0 1 3.500-3.500Z"
          fill="currentColor"
        />
        <path d="M4 27h24" stroke="var(--nav-accent)" strokeWidth="3" strokeLinecap="round" />
      </svg>
      {word && <span style={{ fontSize: size * 0.58, fontWeight: 700, letterSpacing: "-0.025em" }}>Balcão</span>}
    </span>
  );
}
