"""Names that libraries no longer have, or treat otherwise: what the project scan looks for and the checks judge.

Each row says in which release the name was gone. "probe" means an own run, 2026-11-22: ``getattr`` on the releases
on both sides of the change. numpy's names and their replacements are in the wheel matrix; here stand only the names to
look for, and a test compares the two.
"""

from typing import Dict, FrozenSet, NamedTuple, Optional, Tuple


class Gone(NamedTuple):
    """A name that a library no longer has."""

    #: normalised name of the distribution; ``python`` for the standard library
    distribution: str
    #: first release without the name
    removed_in: str
    #: what to write instead, as a user would type it; None when there is no successor
    replace: Optional[str]
    #: the exact dotted name that can be put in place of the old one, with the same meaning; None when hands are needed
    rewrite: Optional[str] = None
    source: str = "probe"


_SCIPY_WINDOWS = ("hann", "hamming", "gaussian", "blackman", "blackmanharris", "kaiser", "bartlett", "boxcar", "triang")
_DOCS = "the release notes"
_WHATSNEW = "docs.python.org, What's New"

#: dotted name -> what became of it. A module's row also covers everything below it.
GONE: Dict[str, Gone] = {
    # Pillow
    "PIL.Image.ANTIALIAS": Gone("pillow", "10.0.0", "Image.LANCZOS", "PIL.Image.LANCZOS"),
    "PIL.Image.LINEAR": Gone("pillow", "10.0.0", "Image.BILINEAR", "PIL.Image.BILINEAR"),
    "PIL.Image.CUBIC": Gone("pillow", "10.0.0", "Image.BICUBIC", "PIL.Image.BICUBIC"),
    "PIL.ImageFont.LAYOUT_BASIC": Gone("pillow", "10.0.0", "ImageFont.Layout.BASIC", "PIL.ImageFont.Layout.BASIC"),
    "PIL.ImageFont.LAYOUT_RAQM": Gone("pillow", "10.0.0", "ImageFont.Layout.RAQM", "PIL.ImageFont.Layout.RAQM"),
    "PIL.ImageFont.FreeTypeFont.getsize": Gone("pillow", "10.0.0", "font.getbbox(text)[2:]"),
    "PIL.ImageFont.FreeTypeFont.getsize_multiline": Gone("pillow", "10.0.0", "draw.multiline_textbbox"),
    "PIL.ImageFont.FreeTypeFont.getoffset": Gone("pillow", "10.0.0", "font.getbbox(text)[:2]"),
    "PIL.ImageDraw.ImageDraw.textsize": Gone("pillow", "10.0.0", "draw.textbbox((0, 0), text, font=font)[2:]"),
    "PIL.ImageDraw.ImageDraw.multiline_textsize": Gone("pillow", "10.0.0", "draw.multiline_textbbox"),
    "PIL.PILLOW_VERSION": Gone("pillow", "7.0.0", "PIL.__version__", "PIL.__version__", _DOCS),
    "PIL.Image.isImageType": Gone("pillow", "12.0.0", "isinstance(im, Image.Image)"),
    "PIL.ImageMath.eval": Gone("pillow", "12.0.0", "ImageMath.lambda_eval"),
    # torch and its partners
    "torch._six": Gone("torch", "2.0.0", "collections.abc, str, int, math.inf"),
    "torch._six.container_abcs": Gone("torch", "1.11.0", "collections.abc"),
    "torch._six.int_classes": Gone("torch", "1.11.0", "int"),
    "torch.rfft": Gone("torch", "1.8.0", "torch.fft.rfft", None, _DOCS),
    "torch.irfft": Gone("torch", "1.8.0", "torch.fft.irfft", None, _DOCS),
    "torch.gels": Gone("torch", "1.8.0", "torch.linalg.lstsq", None, _DOCS),
    "torch.utils.ffi": Gone("torch", "1.0.0", "torch.utils.cpp_extension", None, _DOCS),
    # of its C++ interface, in sources that are compiled against it
    "THC": Gone("torch", "1.11.0", "ATen/cuda/CUDAContext.h, c10/cuda/CUDACachingAllocator.h", None, _DOCS),
    "AT_CHECK": Gone("torch", "1.5.0", "TORCH_CHECK", None, _DOCS),
    "torch.symeig": Gone("torch", "2.0.0", "torch.linalg.eigh"),
    "torch.eig": Gone("torch", "2.0.0", "torch.linalg.eig"),
    "torch.lstsq": Gone("torch", "2.0.0", "torch.linalg.lstsq"),
    "torch.matrix_rank": Gone("torch", "2.0.0", "torch.linalg.matrix_rank"),
    "torch.solve": Gone("torch", "1.12.0", "torch.linalg.solve"),
    "torchvision.transforms.functional_tensor": Gone(
        "torchvision", "0.17.0", "torchvision.transforms.functional", None, _DOCS
    ),
    "torchvision.models.utils": Gone("torchvision", "0.12.0", "torch.hub.load_state_dict_from_url", None, _DOCS),
    "torchvision.ops._new_empty_tensor": Gone("torchvision", "0.9.0", "nothing: delete the import", None, _DOCS),
    # setuptools
    "pkg_resources": Gone("setuptools", "82.0.0", "importlib.metadata, importlib.resources, packaging"),
    "pkg_resources.packaging": Gone("setuptools", "70.0.0", "the packaging library"),
    # scipy
    "scipy.misc.imread": Gone("scipy", "1.2.0", "imageio.imread", None, _DOCS),
    "scipy.misc.imsave": Gone("scipy", "1.2.0", "imageio.imwrite", None, _DOCS),
    "scipy.misc.imresize": Gone("scipy", "1.3.0", "PIL.Image.resize", None, _DOCS),
    "scipy.misc.toimage": Gone("scipy", "1.2.0", "PIL.Image.fromarray", None, _DOCS),
    "scipy.misc.face": Gone("scipy", "1.15.0", "scipy.datasets.face", "scipy.datasets.face"),
    "scipy.misc.derivative": Gone("scipy", "1.15.0", "a finite difference of your own"),
    "scipy.misc.factorial": Gone("scipy", "1.3.0", "scipy.special.factorial", "scipy.special.factorial", _DOCS),
    "scipy.misc.logsumexp": Gone("scipy", "1.3.0", "scipy.special.logsumexp", "scipy.special.logsumexp", _DOCS),
    "scipy.misc.comb": Gone("scipy", "1.3.0", "scipy.special.comb", "scipy.special.comb", _DOCS),
    "scipy.integrate.simps": Gone("scipy", "1.14.0", "scipy.integrate.simpson"),
    "scipy.integrate.trapz": Gone("scipy", "1.14.0", "scipy.integrate.trapezoid", "scipy.integrate.trapezoid"),
    "scipy.integrate.cumtrapz": Gone(
        "scipy", "1.14.0", "scipy.integrate.cumulative_trapezoid", "scipy.integrate.cumulative_trapezoid"
    ),
    "scipy.integrate.quadrature": Gone("scipy", "1.15.0", "scipy.integrate.quad"),
    "scipy.integrate.romberg": Gone("scipy", "1.15.0", "scipy.integrate.quad"),
    "scipy.signal.cwt": Gone("scipy", "1.15.0", "pywt.cwt"),
    "scipy.signal.ricker": Gone("scipy", "1.15.0", "pywt"),
    "scipy.stats.binom_test": Gone("scipy", "1.12.0", "scipy.stats.binomtest"),
    "scipy.linalg.tri": Gone("scipy", "1.13.0", "numpy.tri", "numpy.tri"),
    "scipy.linalg.triu": Gone("scipy", "1.13.0", "numpy.triu", "numpy.triu"),
    "scipy.linalg.tril": Gone("scipy", "1.13.0", "numpy.tril", "numpy.tril"),
    "scipy.special.sph_harm": Gone("scipy", "1.17.0", "scipy.special.sph_harm_y"),
    "scipy.inf": Gone("scipy", "1.12.0", "numpy.inf", "numpy.inf"),
    "scipy.array": Gone("scipy", "1.12.0", "numpy.array", "numpy.array"),
    "scipy.randn": Gone("scipy", "1.12.0", "numpy.random.randn", "numpy.random.randn"),
    # scikit-learn
    "sklearn.externals.joblib": Gone("scikit-learn", "0.23", "joblib"),
    "sklearn.externals.six": Gone("scikit-learn", "0.23", "six"),
    "sklearn.cross_validation": Gone("scikit-learn", "0.20", "sklearn.model_selection", None, _DOCS),
    "sklearn.grid_search": Gone("scikit-learn", "0.20", "sklearn.model_selection", None, _DOCS),
    "sklearn.utils.linear_assignment_": Gone("scikit-learn", "0.23", "scipy.optimize.linear_sum_assignment"),
    "sklearn.utils.testing": Gone("scikit-learn", "0.24", "sklearn.utils._testing"),
    "sklearn.datasets.load_boston": Gone("scikit-learn", "1.2", "sklearn.datasets.fetch_california_housing"),
    "sklearn.datasets.fetch_mldata": Gone("scikit-learn", "0.22", "sklearn.datasets.fetch_openml"),
    "sklearn.preprocessing.Imputer": Gone("scikit-learn", "0.22", "sklearn.impute.SimpleImputer"),
    "sklearn.metrics.plot_confusion_matrix": Gone("scikit-learn", "1.2", "ConfusionMatrixDisplay.from_estimator"),
    "sklearn.metrics.plot_roc_curve": Gone("scikit-learn", "1.2", "RocCurveDisplay.from_estimator"),
    "sklearn.metrics.jaccard_similarity_score": Gone("scikit-learn", "0.23", "sklearn.metrics.jaccard_score"),
    # scikit-image
    "skimage.measure.compare_ssim": Gone("scikit-image", "0.18", "skimage.metrics.structural_similarity"),
    "skimage.measure.compare_psnr": Gone("scikit-image", "0.18", "skimage.metrics.peak_signal_noise_ratio"),
    "skimage.measure.compare_mse": Gone("scikit-image", "0.18", "skimage.metrics.mean_squared_error"),
    "skimage.measure.compare_nrmse": Gone("scikit-image", "0.18", "skimage.metrics.normalized_root_mse"),
    # pandas, matplotlib, networkx, onnx, moviepy
    "pandas.np": Gone("pandas", "2.0.0", "numpy"),
    "pandas.datetime": Gone("pandas", "2.0.0", "datetime.datetime"),
    "pandas.Panel": Gone("pandas", "1.0.0", "a DataFrame with a MultiIndex", None, _DOCS),
    "pandas.Int64Index": Gone("pandas", "2.0.0", "pandas.Index"),
    "pandas.Float64Index": Gone("pandas", "2.0.0", "pandas.Index"),
    "pandas.io.json.json_normalize": Gone("pandas", "2.0.0", "pandas.json_normalize", "pandas.json_normalize"),
    "pandas.util.testing": Gone("pandas", "2.0.0", "pandas.testing"),
    "matplotlib.cm.register_cmap": Gone("matplotlib", "3.9.0", "matplotlib.colormaps.register"),
    "matplotlib.cm.get_cmap": Gone("matplotlib", "3.11.0", "matplotlib.colormaps[name]", None, _DOCS),
    "matplotlib.docstring": Gone("matplotlib", "3.8.0", "matplotlib._docstring"),
    "networkx.from_numpy_matrix": Gone("networkx", "3.0", "networkx.from_numpy_array"),
    "networkx.to_numpy_matrix": Gone("networkx", "3.0", "networkx.to_numpy_array"),
    "networkx.read_gpickle": Gone("networkx", "3.0", "pickle.load"),
    "networkx.info": Gone("networkx", "3.0", "print(graph)"),
    "onnx.mapping": Gone("onnx", "1.19.0", "onnx.helper.tensor_dtype_to_np_dtype and its relatives"),
    "onnx.helper.float32_to_bfloat16": Gone("onnx", "1.20.0", "ml_dtypes"),
    "onnx.optimizer": Gone("onnx", "1.9.0", "the onnxoptimizer package", None, _DOCS),
    "moviepy.editor": Gone("moviepy", "2.0.0", "moviepy"),
    # the standard library
    "distutils": Gone("python", "3.12", "setuptools, shutil, sysconfig, packaging.version", None, _WHATSNEW),
    "imp": Gone("python", "3.12", "importlib", None, _WHATSNEW),
    "asynchat": Gone("python", "3.12", "asyncio", None, _WHATSNEW),
    "asyncore": Gone("python", "3.12", "asyncio", None, _WHATSNEW),
    "smtpd": Gone("python", "3.12", "the aiosmtpd package", None, _WHATSNEW),
    "cgi": Gone("python", "3.13", "urllib.parse, email.message", None, _WHATSNEW),
    "imghdr": Gone("python", "3.13", "PIL.Image.open(...).format", None, _WHATSNEW),
    "sndhdr": Gone("python", "3.13", "the filetype package", None, _WHATSNEW),
    "pipes": Gone("python", "3.13", "shlex, subprocess", None, _WHATSNEW),
    "crypt": Gone("python", "3.13", "hashlib", None, _WHATSNEW),
    "telnetlib": Gone("python", "3.13", "the telnetlib3 package", None, _WHATSNEW),
    "audioop": Gone("python", "3.13", "the audioop-lts package", None, _WHATSNEW),
    "aifc": Gone("python", "3.13", "the standard-aifc package", None, _WHATSNEW),
    "chunk": Gone("python", "3.13", "the standard-chunk package", None, _WHATSNEW),
    "sunau": Gone("python", "3.13", "the standard-sunau package", None, _WHATSNEW),
    "uu": Gone("python", "3.13", "base64", None, _WHATSNEW),
    "xdrlib": Gone("python", "3.13", "struct", None, _WHATSNEW),
    "nntplib": Gone("python", "3.13", None, None, _WHATSNEW),
    "lib2to3": Gone("python", "3.13", "the parso package", None, _WHATSNEW),
    "symbol": Gone("python", "3.10", "ast", None, _WHATSNEW),
    "parser": Gone("python", "3.10", "ast", None, _WHATSNEW),
    "formatter": Gone("python", "3.10", None, None, _WHATSNEW),
    "fractions.gcd": Gone("python", "3.9", "math.gcd", "math.gcd", _WHATSNEW),
    "time.clock": Gone("python", "3.8", "time.perf_counter", "time.perf_counter", _WHATSNEW),
    "platform.linux_distribution": Gone("python", "3.8", "the distro package", None, _WHATSNEW),
    "platform.dist": Gone("python", "3.8", "the distro package", None, _WHATSNEW),
    "base64.encodestring": Gone("python", "3.9", "base64.encodebytes", "base64.encodebytes", _WHATSNEW),
    "base64.decodestring": Gone("python", "3.9", "base64.decodebytes", "base64.decodebytes", _WHATSNEW),
    "xml.etree.cElementTree": Gone("python", "3.9", "xml.etree.ElementTree", None, _WHATSNEW),
    "inspect.getargspec": Gone("python", "3.11", "inspect.getfullargspec", None, _WHATSNEW),
    "asyncio.coroutine": Gone("python", "3.11", "async def", None, _WHATSNEW),
    "locale.format": Gone("python", "3.12", "locale.format_string", "locale.format_string", _WHATSNEW),
    "configparser.SafeConfigParser": Gone(
        "python", "3.12", "configparser.ConfigParser", "configparser.ConfigParser", _WHATSNEW
    ),
    "ssl.wrap_socket": Gone("python", "3.12", "ssl.SSLContext.wrap_socket", None, _WHATSNEW),
    "pkgutil.ImpImporter": Gone("python", "3.12", "importlib", None, _WHATSNEW),
}
GONE.update(
    ("scipy.signal." + name, Gone("scipy", "1.13.0", "scipy.signal.windows." + name, "scipy.signal.windows." + name))
    for name in _SCIPY_WINDOWS
)
GONE.update(
    ("collections." + name, Gone("python", "3.10", "collections.abc." + name, "collections.abc." + name, _WHATSNEW))
    for name in (
        "Mapping MutableMapping Sequence MutableSequence Iterable Iterator Callable Hashable Set MutableSet Sized "
        "Container Generator ByteString KeysView ValuesView ItemsView MappingView Reversible Collection Awaitable "
        "Coroutine AsyncIterable AsyncIterator"
    ).split()
)

#: numpy's removed names, without their module; the wheel matrix says when each went and what replaces it
NUMPY_NAMES: FrozenSet[str] = frozenset(
    (
        "int float object str complex unicode bool long typeDict MachAr bool8 int0 uint0 object0 str0 bytes0 void0 "
        "math "
        "float_ complex_ cfloat singlecomplex clongfloat longcomplex longfloat string_ unicode_ NaN Inf Infinity infty "
        "PINF NINF NZERO PZERO product cumproduct sometrue alltrue round_ msort asfarray find_common_type cast source "
        "lookfor who fastCopyAndTranspose set_numeric_ops add_newdoc add_docstring add_newdoc_ufunc compat safe_eval "
        "issctype maximum_sctype obj2sctype sctype2char sctypes issubsctype issubclass_ set_string_function deprecate "
        "deprecate_with_doc disp byte_bounds compare_chararrays nbytes mat recfromcsv recfromtxt tracemalloc_domain "
        "DataSource geterrobj seterrobj in1d trapz"
    ).split()
)

#: Methods of removed classes that are recognised by the receiver's name, where Pillow is imported: attribute -> row.
#: ``font`` and ``draw`` stand for any name that holds these words or was made by ``ImageFont``/``ImageDraw``.
PILLOW_METHODS: Dict[str, Tuple[str, str]] = {
    "getsize": ("font", "PIL.ImageFont.FreeTypeFont.getsize"),
    "getsize_multiline": ("font", "PIL.ImageFont.FreeTypeFont.getsize_multiline"),
    "getoffset": ("font", "PIL.ImageFont.FreeTypeFont.getoffset"),
    "textsize": ("draw", "PIL.ImageDraw.ImageDraw.textsize"),
    "multiline_textsize": ("draw", "PIL.ImageDraw.ImageDraw.multiline_textsize"),
}

#: OpenCV's windows (missing from headless builds) and the modules that only contrib builds have.
CV2_WINDOW_NAMES: FrozenSet[str] = frozenset(
    "imshow namedWindow waitKey waitKeyEx destroyAllWindows destroyWindow setMouseCallback createTrackbar selectROI "
    "moveWindow resizeWindow".split()
)
CV2_CONTRIB_NAMES: FrozenSet[str] = frozenset(
    "xfeatures2d ximgproc xphoto face bgsegm optflow saliency structured_light text tracking legacy img_hash "
    "line_descriptor plot quality rgbd stereo surface_matching bioinspired cuda_ccalib datasets dnn_superres hfs "
    "intensity_transform phase_unwrapping rapid reg wechat_qrcode mcc fuzzy freetype".split()
)

#: torch's own changes of behaviour: first release that behaves so.
TORCH_LOAD_STRICT = "2.6"
CLAMP_STRICT = "1.12"


def gone(name: str) -> Optional[Tuple[str, Gone]]:
    """Return the row that covers a dotted name: its own, else that of the module it lies in; None = still there."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        row = GONE.get(".".join(parts[:end]))
        if row is not None:
            return ".".join(parts[:end]), row
    return None
