// WGS 84 to GCJ-02, for tiles that are drawn in it: the formulas and constants of geo/datum.py.
const SEMI_MAJOR_M = 6378245.0;
const ECCENTRICITY_SQUARED = 0.006693421622965943;
const [WEST, EAST, SOUTH, NORTH] = [72.004, 137.8347, 0.8293, 55.8271];

const { PI, abs, cos, sin, sqrt } = Math;

const waves = (degrees, ...pairs) =>
  pairs.reduce((total, [amplitude, frequency]) => total + amplitude * sin(frequency * PI * degrees), 0);

// [lon, lat] in degrees; a place outside China comes back unchanged.
export function wgs84ToGcj02([lon, lat]) {
  if (lon < WEST || lon > EAST || lat < SOUTH || lat > NORTH) return [lon, lat];
  const [east, north] = [lon - 105, lat - 35];
  const ripple = 20 * sin(6 * PI * east) + 20 * sin(2 * PI * east);
  const root = sqrt(abs(east));
  const northM = -100 + 2 * east + 3 * north + 0.2 * north * north + 0.1 * east * north + 0.2 * root
    + (2 / 3) * (ripple + waves(north, [20, 1], [40, 1 / 3]))
    + (2 / 3) * waves(north, [160, 1 / 12], [320, 1 / 30]);
  const eastM = 300 + east + 2 * north + 0.1 * east * east + 0.1 * east * north + 0.1 * root
    + (2 / 3) * (ripple + waves(east, [20, 1], [40, 1 / 3]))
    + (2 / 3) * waves(east, [150, 1 / 12], [300, 1 / 30]);
  const latitude = (lat * PI) / 180;
  const flattening = 1 - ECCENTRICITY_SQUARED * sin(latitude) ** 2;
  const primeVerticalM = SEMI_MAJOR_M / sqrt(flattening);
  const meridionalM = (primeVerticalM * (1 - ECCENTRICITY_SQUARED)) / flattening;
  return [
    lon + ((eastM / (primeVerticalM * cos(latitude))) * 180) / PI,
    lat + ((northM / meridionalM) * 180) / PI,
  ];
}
